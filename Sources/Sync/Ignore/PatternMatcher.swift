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

  /// Whether Docker 20.10 includes a path that ``excludes(_:memory:)`` does not. It tries every pattern, on the path and
  /// on that directory above it which is as deep as the pattern, and sends an excluded directory that an exception leads
  /// through. What it would take from the workspace must be on the host: it filters there once more.
  func isIncludedByEarlier(_ path: [UInt8], isDirectory: Bool) -> Bool {
    guard !exceptions.isEmpty else { return false }
    let prefix = path + [TreePath.slash]
    if isDirectory && exceptions.contains(where: { $0.starts(with: prefix) }) { return true }
    let ends = prefix.indices.filter { prefix[$0] == TreePath.slash }
    var excluded = false
    for pattern in patterns {
      let isMatch =
        pattern.matches(path) || pattern.depth < ends.count && pattern.matches(Array(path[..<ends[pattern.depth - 1]]))
      if isMatch { excluded = !pattern.isException }
    }
    return !excluded
  }

  /// Whether something below an excluded directory may be included all the same.
  func mayIncludeBelow(_ directory: [UInt8]) -> Bool {
    if !exceptionsArePlain { return true }
    let prefix = directory + [TreePath.slash]
    return exceptions.contains { $0.starts(with: prefix) }
  }
}
