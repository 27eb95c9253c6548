// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  import Foundation

  /// The fuzzer's program as it is without a fuzzer.
  public enum Regression {
    private static let usage = """
      fuzz-decoders DIR            hand each file of a corpus to its decoder; *.hex are hexadecimal digits
      fuzz-decoders --seeds DIR    write a corpus of valid messages; and as bytes, what further directories hold

      """

    /// Returns the exit status.
    public static func run(_ arguments: [String]) -> Int32 {
      do {
        switch arguments.count {
        case 1:
          let inputs = try inputs(arguments[0])
          for (name, input) in inputs {
            // Before a crash can take it along.
            print(name)
            try Probe.run(input)
          }
          print("\(inputs.count) inputs")
        case 2... where arguments[0] == "--seeds":
          let directory = URL(fileURLWithPath: arguments[1])
          try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
          for (name, input) in try Probe.seeds() + arguments.dropFirst(2).flatMap({ try inputs($0) }) {
            try Data(input).write(to: directory.appendingPathComponent(name))
          }
        default:
          print(usage, terminator: "")
          return 64
        }
        return 0
      } catch {
        print("\(error)")
        return 1
      }
    }

    /// The files of a directory, in the order of their names.
    public static func inputs(_ directory: String) throws -> [(name: String, input: [UInt8])] {
      try FileManager.default.contentsOfDirectory(atPath: directory).sorted().map { name in
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: directory).appendingPathComponent(name)))
        guard name.hasSuffix(".hex") else { return (name, bytes) }
        guard let input = Probe.input(hex: String(decoding: bytes, as: UTF8.self)) else {
          throw Violation("\(name) is not in hexadecimal digits")
        }
        return (name, input)
      }
    }
  }
#endif
