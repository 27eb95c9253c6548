// SPDX-License-Identifier: Apache-2.0

/// What one line of a builder's plain output says about the build.
public enum StepUpdate: Hashable, Sendable {
  /// A step begins, or its name is repeated.
  case started(BuildStep)
  case output(step: Int, line: String)
  /// Nothing had to be done for it.
  case cached(step: Int)
  /// It ended well, after so many seconds as the builder counts them.
  case done(step: Int, seconds: Double)
  case failed(step: Int, message: String)
}

/// A step of a build, as the builder numbers and names it.
public struct BuildStep: Hashable, Sendable, Codable {
  /// The builder's own number for it (`#7`).
  public var number: Int
  /// Its name as the builder gives it: `[build 3/7] RUN pip install …`, `[internal] load build definition`.
  public var name: String

  /// Whether it is an instruction of the Dockerfile (`[4/7] RUN …`, `[build 1/3] FROM …`), not the builder's own work.
  public var isInstruction: Bool {
    guard name.hasPrefix("["), let end = name.firstIndex(of: "]") else { return false }
    let place = name[name.index(after: name.startIndex)..<end].split(separator: " ").last ?? ""
    let numbers = place.split(separator: "/")
    return numbers.count == 2 && numbers.allSatisfy { $0.allSatisfy(\.isNumber) }
  }
}

/// Reads BuildKit's plain progress (`docker build --progress=plain`), a line at a time. Lines look like
/// `#7 [build 3/3] RUN make`, `#7 0.122 output`, `#7 CACHED`, `#7 DONE 47.5s`, `#7 ERROR: … exit code: 7`; older versions
/// also repeat the step's name and print its digest.
public struct BuildProgress: Sendable {
  private var names: [Int: String] = [:]
  /// Steps that were found in the cache, and those that were run, among the Dockerfile's instructions.
  public private(set) var cached: Set<Int> = []
  public private(set) var executed: Set<Int> = []
  /// The step that failed, if one did.
  public private(set) var failed: BuildStep?
  private var tails: [Int: [String]] = [:]

  /// How many lines of a step's output are kept, to be shown if it fails.
  public static let tailLength = 12

  public init() {}

  /// The last lines of a step's output, the oldest first.
  public func lastLines(of step: Int) -> [String] { tails[step] ?? [] }

  public func step(_ number: Int) -> BuildStep? { names[number].map { BuildStep(number: number, name: $0) } }

  /// What `line` says, or `nil` when it is not a line of a step.
  public mutating func read(_ line: String) -> StepUpdate? {
    guard line.hasPrefix("#"), let space = line.firstIndex(of: " "),
      let number = Int(line[line.index(after: line.startIndex)..<space])
    else { return nil }
    let text = String(line[line.index(after: space)...])
    if text == "CACHED" {
      mark(number, in: \.cached)
      return .cached(step: number)
    }
    if text.hasPrefix("DONE ") && text.hasSuffix("s") {
      if !cached.contains(number) { mark(number, in: \.executed) }
      return .done(step: number, seconds: Double(text.dropFirst(5).dropLast()) ?? 0)
    }
    if text.hasPrefix("ERROR: ") {
      failed = step(number) ?? BuildStep(number: number, name: "step #\(number)")
      return .failed(step: number, message: String(text.dropFirst(7)))
    }
    if let output = Self.output(text) {
      tails[number, default: []].append(output)
      if tails[number]!.count > Self.tailLength { tails[number]!.removeFirst() }
      return .output(step: number, line: output)
    }
    if text.hasPrefix("[") {
      names[number] = text
      return .started(BuildStep(number: number, name: text))
    }
    return nil
  }

  private mutating func mark(_ number: Int, in set: WritableKeyPath<BuildProgress, Set<Int>>) {
    if step(number)?.isInstruction == true { self[keyPath: set].insert(number) }
  }

  /// The output in `0.122 text`: a time in seconds stands before each line that a step prints.
  private static func output(_ text: String) -> String? {
    let time = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard time.contains("."), Double(time) != nil else { return nil }
    let rest = text.dropFirst(time.count)
    guard rest.isEmpty || rest.first == " " else { return nil }
    return String(rest.dropFirst())
  }
}
