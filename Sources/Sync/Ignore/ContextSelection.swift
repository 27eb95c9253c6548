// SPDX-License-Identifier: Apache-2.0

/// What one context includes of a workspace: its directory less what its ignore file excludes, and its Dockerfile and
/// the ignore file itself wherever they stand.
///
/// Asked path by path during a walk, a directory before what is in it.
struct ContextSelection: Sendable {
  /// Where in the walk a directory stands.
  enum Place: Sendable {
    /// Above the context, or below what it excludes: only single files, and the context's own directory, count here.
    case outside
    /// In the context, with what the patterns made of the directories above.
    case inside(PatternMatcher.Memory)
  }

  private let directory: [UInt8]
  private let matcher: PatternMatcher
  private let always: [[UInt8]]

  /// - Parameters:
  ///   - directory: relative to the workspace; empty for the workspace.
  ///   - patterns: those of the ignore file, relative to `directory`.
  ///   - always: paths, relative to the workspace, that are included though excluded.
  /// - Throws: ``SyncError`` with `badPattern`.
  init(directory: [UInt8], patterns: [[UInt8]], always: [[UInt8]]) throws {
    self.directory = directory
    self.matcher = try PatternMatcher(patterns)
    self.always = always
  }

  var root: Place { directory.isEmpty ? .inside([]) : .outside }

  struct Verdict {
    var isIncluded: Bool
    /// Included though excluded: a `.remoteignore` does not take it away.
    var isRequired: Bool
    /// For a directory: how to go on below it; `nil` where nothing there is included.
    var place: Place?
  }

  func judge(_ path: TreePath, isDirectory: Bool, in place: Place) -> Verdict {
    let isRequired = always.contains(path.bytes)
    let leadsOn = isDirectory && (leads(path, to: directory) || always.contains { leads(path, to: $0) })
    switch place {
    case .outside:
      if isDirectory && path.bytes == directory {
        return Verdict(isIncluded: true, isRequired: isRequired, place: .inside([]))
      }
      return Verdict(isIncluded: isRequired, isRequired: isRequired, place: leadsOn ? .outside : nil)
    case .inside(let memory):
      let inner = directory.isEmpty ? path.bytes : Array(path.bytes[(directory.count + 1)...])
      let (excluded, next) = matcher.excludes(inner, memory: memory)
      let goesOn = isDirectory && (!excluded || matcher.mayIncludeBelow(inner))
      let isIncluded = !excluded || isRequired || matcher.isIncludedByEarlier(inner, isDirectory: isDirectory)
      return Verdict(
        isIncluded: isIncluded, isRequired: isRequired,
        place: goesOn ? .inside(next) : leadsOn ? .outside : nil)
    }
  }

  private func leads(_ path: TreePath, to target: [UInt8]) -> Bool {
    TreePath(unchecked: target).isBelow(path.bytes)
  }
}

extension ContextSelection {
  /// The selection of `context`, with ignore files read by `contents`, which returns `nil` for a file that is not there.
  /// Throws ``SyncError`` with `badPattern` or `badContext`.
  init(_ context: ImageContext, contents: (TreePath) throws -> [UInt8]?) throws {
    let directory = try Self.path(context.directory, of: context)
    let dockerfile = try Self.path(context.dockerfile, of: context)
    guard !dockerfile.isEmpty else {
      throw SyncError(.badContext, "image \(context.image) names no Dockerfile", path: context.dockerfile)
    }
    let own = TreePath(unchecked: dockerfile + Array(".dockerignore".utf8))
    let shared = TreePath(unchecked: directory).appending(Array(".dockerignore".utf8))
    var always = [dockerfile]
    var patterns: [[UInt8]] = []
    if let bytes = try contents(own) {
      always.append(own.bytes)
      patterns = IgnoreFile(bytes).patterns
    } else if let bytes = try contents(shared) {
      always.append(shared.bytes)
      patterns = IgnoreFile(bytes).patterns
    }
    do {
      try self.init(directory: directory, patterns: patterns, always: always)
    } catch var error as SyncError {
      error.path = always.last.map(TreePath.text)
      error.message += ", in \(error.path ?? "")"
      throw error
    }
  }

  private static func path(_ text: String, of context: ImageContext) throws -> [UInt8] {
    let cleaned = IgnoreFile.cleaned(Array(text.utf8))
    if cleaned == [TreePath.dot] { return [] }
    do { return try TreePath(cleaned).bytes } catch {
      throw SyncError(
        .badContext, "image \(context.image): '\(text)' does not lie inside the workspace", path: text)
    }
  }
}

/// Several selections at once: what is in any of them, less what `.remoteignore` excludes; and never `.git`.
struct ManagedSelection: Sendable {
  struct Place {
    fileprivate var contexts: [ContextSelection.Place?]
    fileprivate var subtracted: PatternMatcher.Memory
  }

  let contexts: [ContextSelection]
  let subtracting: PatternMatcher

  var root: Place { Place(contexts: contexts.map { $0.root }, subtracted: []) }

  /// Whether `path` is managed, and how to go on below it if it is a directory.
  func judge(_ path: TreePath, isDirectory: Bool, in place: Place) -> (isIncluded: Bool, place: Place?) {
    let name = path.name
    if name == Self.git || name == TreePath.stateDirectory { return (false, nil) }
    let (excluded, memory) = subtracting.excludes(path.bytes, memory: place.subtracted)
    var next = Place(contexts: [], subtracted: memory)
    var isIncluded = false
    var isRequired = false
    var goesOn = false
    for (context, inner) in zip(contexts, place.contexts) {
      guard let inner else {
        next.contexts.append(nil)
        continue
      }
      let verdict = context.judge(path, isDirectory: isDirectory, in: inner)
      isIncluded = isIncluded || verdict.isIncluded
      isRequired = isRequired || verdict.isRequired
      goesOn = goesOn || verdict.place != nil
      next.contexts.append(verdict.place)
    }
    return (isRequired || isIncluded && !excluded, goesOn ? next : nil)
  }

  private static let git = Array(".git".utf8)
}

extension ContextSelection {
  /// Whether the context includes a file, asked outside of a walk.
  func includes(_ path: TreePath) -> Bool {
    var place = root
    for (index, byte) in path.bytes.enumerated() where byte == TreePath.slash {
      let above = TreePath(unchecked: Array(path.bytes[..<index]))
      guard let next = judge(above, isDirectory: true, in: place).place else { return false }
      place = next
    }
    return judge(path, isDirectory: false, in: place).isIncluded
  }
}
