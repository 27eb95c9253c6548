// SPDX-License-Identifier: Apache-2.0

/// Labs that live as long as the test process: they end by themselves when its end of their standard input closes.
private actor SharedLabs {
  static let all = SharedLabs()
  private var labs: [LabOptions: Task<Lab, any Error>] = [:]

  func lab(_ options: LabOptions) -> Task<Lab, any Error> {
    if let lab = labs[options] {
      return lab
    }
    let started = Task {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Lab, any Error>) in
        Task {
          // Nobody ever ends this stream: the lab is held until the process goes.
          let (never, holder) = AsyncStream.makeStream(of: Never.self)
          let handed = Handed(continuation)
          do {
            try await withLab(options) { lab in
              await handed.succeed(lab)
              for await _ in never {}
            }
          } catch {
            await handed.fail(error)
          }
          withExtendedLifetime(holder) {}
        }
      }
    }
    labs[options] = started
    return started
  }
}

/// A continuation that is resumed by whichever comes first, the lab or its failure.
private actor Handed {
  private var continuation: CheckedContinuation<Lab, any Error>?

  init(_ continuation: CheckedContinuation<Lab, any Error>) {
    self.continuation = continuation
  }

  func succeed(_ lab: Lab) {
    continuation?.resume(returning: lab)
    continuation = nil
  }

  func fail(_ error: any Error) {
    continuation?.resume(throwing: error)
    continuation = nil
  }
}

extension Lab {
  /// A lab with these options that all tests of this process share; the first to ask starts it.
  ///
  /// Tests that break something (cut, freeze, fill a disk) open a proxy or add a host of their own.
  public static func shared(_ options: LabOptions = LabOptions()) async throws -> Lab {
    try await SharedLabs.all.lab(options).value
  }
}
