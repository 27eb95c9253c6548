// SPDX-License-Identifier: Apache-2.0

/// Patterns in their order: the last one that matches a path, or a directory above it, decides.
///
/// The semantics are those of moby's `MatchesUsingParentResults` together with the walk of tonistiigi/fsutil, which is
/// how BuildKit reads a context.
struct PatternMatcher: Sendable {
  /// Which patterns matched a directory or one above it; empty at the top.
  typealias Memory = [Bool]

  private let patterns: [IgnorePattern]
  private let exceptions: [[UInt8]]
  /// Whether an exception can only match below the directories that its text names.
  private let exceptionsArePlain: Bool

  /// Throws ``SyncError`` with `badPattern`.
  init(_ patterns: [[UInt8]]) throws {
    self.patterns = try patterns.compactMap { line in
      let trimmed = IgnoreFile.trimmed(line)
      return trimmed.isEmpty ? nil : try IgnorePattern(IgnoreFile.cleaned(trimmed))
    }
    let exceptions = self.patterns.filter(\.isException)
    self.exceptions = exceptions.map { $0.withoutTrailingGlob + [TreePath.slash] }
    exceptionsArePlain = !exceptions.contains(where: \.hasWildcards)
  }

  /// Whether the path is excluded, given what its directory remembers; and what its own children are to be given.
  func excludes(_ path: [UInt8], memory: Memory) -> (excluded: Bool, memory: Memory) {
    var excluded = false
    var matches = [Bool](repeating: false, count: patterns.count)
    for (index, pattern) in patterns.enumerated() {
      var match = !memory.isEmpty && memory[index]
      if !match {
        // A pattern that could not change the verdict is not tried, and so is not remembered either.
        guard pattern.isException == excluded else { continue }
        match = pattern.matches(path)
      }
      matches[index] = match
      if match { excluded = !pattern.isException }
    }
    return (excluded, matches)
  }

  /// Whether something below an excluded directory may be included all the same.
  func mayIncludeBelow(_ directory: [UInt8]) -> Bool {
    if !exceptionsArePlain { return true }
    let prefix = directory + [TreePath.slash]
    return exceptions.contains { $0.starts(with: prefix) }
  }
}
