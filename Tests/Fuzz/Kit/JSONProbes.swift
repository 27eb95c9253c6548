// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import Vocabulary
  import Wire

  @testable import Jobs
  @testable import Sync

  /// Parameters, answers and files in JSON.
  enum JSONProbes {
    static let all = [Probe(name: "json", check: check, seeds: seeds)]

    /// What is decoded; an input's first byte picks one.
    private static let kinds: [@Sendable ([UInt8]) throws -> Void] = [
      { try value(PushParameters.self, $0) }, { try value(BulkParameters.self, $0) },
      { try value(PushAnswer.self, $0) },
      {
        try value(SlotParameters.self, $0) { parameters in
          let name = SlotPreparation.directoryName(parameters.context.image)
          try Expect.that(!name.contains("/") && !name.hasPrefix("."), "an image's directory is called \(name)")
        }
      }, { try value(PreparedSlot.self, $0) }, { try value(ServiceFailure.self, $0) }, { try value(Hello.self, $0) },
      { try value(Journal.Order.self, $0) }, { try value(JobSpec.self, $0) }, { try value(JobStatus.self, $0) },
      { try value(CommandRequest.self, $0) }, { try value(CommandResult.self, $0) }, { try value(HostFacts.self, $0) },
      { try value(JobCall.Tail.self, $0) }, { try value(JobCall.Mark.self, $0) }, { try value(JSONValue.self, $0) },
      { try value(TailNote.self, $0) },
      { try value(ReleaseCall.Leases.self, $0) }, { try value(ReleaseCall.Lines.self, $0) },
      { try value(NamedLeases.Holder.self, $0) },
    ]

    private static func seeds() throws -> [[UInt8]] {
      let push = PushParameters(
        workspace: "/w", project: "demo", owner: "ada", adopt: false, allowMassDelete: true, wait: false, dryRun: false)
      let digest = Digest.sha256(of: "x")
      let slot = SlotParameters(
        workspace: "/w", context: ImageContext(image: "a/b", dockerfile: "Dockerfile"), treeDigest: digest,
        contextDigest: digest, owner: "ada")
      let step = JobStep(name: "build", argv: ["true"], environment: ["A": "b"], outputs: ["iid"])
      let spec = JobSpec(
        id: "01", title: "t", workspace: "/w", owner: "ada", steps: [step],
        credentials: [CredentialEntry(registry: "r", username: "u", password: "p")],
        secrets: [SecretEntry(id: "s", data: "eA==")])
      let json: [(Int, [UInt8])] = [
        (0, try FrameConnection.json(push)), (2, try FrameConnection.json(PushAnswer(treeDigest: digest))),
        (3, try FrameConnection.json(slot)), (8, try FrameConnection.json(spec)),
        (9, try FrameConnection.json(JobStatus(spec, created: 1.5))),
        (16, try FrameConnection.json(ReleaseCall.Leases(names: ["r/o/i:stable"], owner: "ada"))),
        (17, try FrameConnection.json(ReleaseCall.Lines(lines: [#"{"a":1}"#]))),
        (15, Array(#"{"a":[1,2.5,null,true,"\ud83d\ude00"]}"#.utf8)),
      ]
      return json.map { [UInt8($0.0)] + $0.1 }
    }

    private static func check(_ bytes: [UInt8]) throws {
      guard let kind = bytes.first else { return }
      try kinds[Int(kind) % kinds.count](Array(bytes.dropFirst()))
    }

    private static func value<Value: Codable>(
      _ type: Value.Type, _ bytes: [UInt8], _ promise: (Value) throws -> Void = { _ in }
    ) throws {
      guard let value = try Expect.decoded({ try FrameConnection.decode(type, bytes) }) else { return }
      try promise(value)
      let encoded = try Expect.again { try FrameConnection.json(value) }
      let again = try Expect.again { try FrameConnection.json(FrameConnection.decode(type, encoded)) }
      try Expect.that(again == encoded, "another \(type) after encoding")
    }
  }
#endif
