// SPDX-License-Identifier: Apache-2.0

internal import Vocabulary

extension RegistryClient {
  /// Proves that an image is whole in the registry and is the one expected.
  ///
  /// The digest that the builder reported, the registry's word for it and the SHA-256 of the manifest's own bytes agree;
  /// the manifest can be had by its digest; every child manifest, configuration and layer is there with its size; the
  /// configurations have the bytes of their digests and carry the expected labels. Layers are not read.
  ///
  /// - Throws: ``VerificationFailure`` with everything that differs; ``RegistryError`` where the registry could not be
  ///   asked, which proves nothing.
  public func verify(
    repository: RepositoryName, reference: ManifestReference, expectation: VerificationExpectation = .init()
  ) async throws -> VerifiedImage {
    var differences: [VerificationDifference] = []
    func failed() -> VerificationFailure {
      VerificationFailure(registry: address, repository: repository, reference: reference, differences: differences)
    }
    guard let top = try await manifest(repository, reference) else {
      differences = [.missing(reference)]
      throw failed()
    }
    differences += try await identityDifferences(of: top, repository, reference, expectation)
    let contents = try await contents(of: top, repository)
    differences += contents.differences
    differences += contents.differences(from: expectation)
    guard differences.isEmpty, let first = contents.images.first else { throw failed() }
    return VerifiedImage(
      registry: address, repository: repository, reference: reference, digest: top.digest, mediaType: top.mediaType,
      platforms: contents.platforms, layers: contents.layers, totalSize: contents.totalSize + top.size,
      labels: first.config?.labels ?? [:], configDigest: first.manifest.config.digest, created: first.config?.created)
  }

  private func identityDifferences(
    of top: Manifest, _ repository: RepositoryName, _ reference: ManifestReference,
    _ expectation: VerificationExpectation
  ) async throws -> [VerificationDifference] {
    var differences: [VerificationDifference] = []
    if let expected = expectation.manifestDigest, expected != top.digest {
      differences.append(.otherManifest(expected: expected, found: top.digest))
    }
    if let said = top.headerDigest, said != top.digest {
      differences.append(.falseHeader(said: said, bytes: top.digest))
    }
    switch reference {
    case .digest(let digest):
      if digest != top.digest { differences.append(.otherManifest(expected: digest, found: top.digest)) }
    case .tag:
      let found = try await manifestHead(repository, .digest(top.digest))
      if found == nil || found?.digest.map({ $0 != top.digest }) == true {
        differences.append(.notByDigest(top.digest))
      }
    }
    return differences
  }

  private func contents(of top: Manifest, _ repository: RepositoryName) async throws -> ImageContents {
    var contents = ImageContents()
    switch top.content {
    case .image(let image): contents.add(image, digest: top.digest, size: nil, platform: nil, isAttestation: false)
    case .index(let index):
      guard index.manifests.count <= Self.mostManifests else {
        let count = index.manifests.count
        let reason = "it names \(count) manifests, more than the \(Self.mostManifests) that are looked at"
        contents.differences.append(.damaged(top.digest, reason: reason))
        return contents
      }
      let children = try await concurrently(index.manifests) { child in
        try await self.child(child, repository)
      }
      for (descriptor, child) in zip(index.manifests, children) {
        switch child {
        case .success(let image):
          contents.add(
            image, digest: descriptor.digest, size: descriptor.size, platform: descriptor.platform,
            isAttestation: descriptor.isAttestation)
        case .failure(let failure): contents.differences.append(failure.difference)
        }
      }
      if contents.images.isEmpty, contents.differences.isEmpty { contents.differences.append(.noImage(top.digest)) }
    }
    try await readConfigs(of: &contents, repository)
    let layers = contents.allLayers.filter { !$0.mediaType.isForeignLayer }
    guard layers.count <= Self.mostLayers else {
      let reason = "it names \(layers.count) layers, more than the \(Self.mostLayers) that are looked at"
      contents.differences.append(.damaged(top.digest, reason: reason))
      return contents
    }
    contents.differences += try await concurrently(layers) { layer -> VerificationDifference? in
      guard let size = try await self.blobSize(repository, layer.digest) else { return .missingLayer(layer.digest) }
      return size == layer.size ? nil : .wrongSize(layer.digest, expected: layer.size, found: size)
    }.compactMap(\.self)
    return contents
  }

  /// More than any image has: each is a question, and a manifest of 4 MiB could ask for tens of thousands.
  private static let mostManifests = 200
  private static let mostLayers = 2000

  private struct ChildFailure: Error { var difference: VerificationDifference }

  private func child(
    _ descriptor: Descriptor, _ repository: RepositoryName
  ) async throws -> Result<ImageManifest, ChildFailure> {
    let digest = descriptor.digest
    let found: Manifest?
    do { found = try await manifest(repository, .digest(digest)) } catch let error as RegistryError
      where error.code == .protocolViolation
    {
      return .failure(ChildFailure(difference: .damaged(digest, reason: error.message)))
    }
    guard let found else { return .failure(ChildFailure(difference: .missingChild(digest, descriptor.platform))) }
    guard found.digest == digest else {
      return .failure(ChildFailure(difference: .damaged(digest, reason: "its bytes have the digest \(found.digest)")))
    }
    guard found.size == descriptor.size else {
      return .failure(ChildFailure(difference: .wrongSize(digest, expected: descriptor.size, found: found.size)))
    }
    guard case .image(let image) = found.content else { return .failure(ChildFailure(difference: .noImage(digest))) }
    return .success(image)
  }

  /// Reads each image's configuration: that proves its presence, its size and its digest at once.
  private func readConfigs(of contents: inout ImageContents, _ repository: RepositoryName) async throws {
    let configs = contents.images.map(\.manifest.config)
    let results = try await concurrently(configs) { descriptor -> Result<ImageConfig, ChildFailure> in
      do {
        guard let bytes = try await self.blob(repository, descriptor.digest) else {
          return .failure(ChildFailure(difference: .missingConfig(descriptor.digest)))
        }
        let size = ByteCount(bytes.count)
        guard size == descriptor.size else {
          let difference = VerificationDifference.wrongSize(
            descriptor.digest, expected: descriptor.size, found: size)
          return .failure(ChildFailure(difference: difference))
        }
        return .success(try ImageConfig(bytes: bytes))
      } catch let error as RegistryError where [.protocolViolation, .tooLarge].contains(error.code) {
        return .failure(ChildFailure(difference: .damaged(descriptor.digest, reason: error.message)))
      }
    }
    for (index, result) in results.enumerated() {
      switch result {
      case .success(let config): contents.images[index].config = config
      case .failure(let failure): contents.differences.append(failure.difference)
      }
    }
    contents.differences += try await concurrently(contents.attestations.map(\.config)) {
      descriptor -> VerificationDifference? in
      let size = try await self.blobSize(repository, descriptor.digest)
      guard let size else { return .missingConfig(descriptor.digest) }
      return size == descriptor.size ? nil : .wrongSize(descriptor.digest, expected: descriptor.size, found: size)
    }.compactMap(\.self)
  }

  /// Runs a question for each value, eight at a time, and keeps the order.
  func concurrently<Value: Sendable, Answer: Sendable>(
    _ values: [Value], _ ask: @escaping @Sendable (Value) async throws -> Answer
  ) async throws -> [Answer] {
    try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
      var answers: [Answer?] = Array(repeating: nil, count: values.count)
      var waiting = values.enumerated().makeIterator()
      func startNext() {
        guard let (index, value) = waiting.next() else { return }
        group.addTask { (index, try await ask(value)) }
      }
      for _ in 0..<8 { startNext() }
      while let (index, answer) = try await group.next() {
        answers[index] = answer
        startNext()
      }
      return answers.compactMap(\.self)
    }
  }
}
