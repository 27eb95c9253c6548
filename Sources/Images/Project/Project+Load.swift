// SPDX-License-Identifier: Apache-2.0

public import Settings
public import SystemPackage

extension Project {
  /// Reads `remote-build.yaml` at the root of `workspace`, and checks that the Dockerfiles that it names are there.
  /// - Parameter home: what `~` stands for in paths.
  public static func load(workspace: FilePath, home: FilePath) throws(SettingsError) -> Project {
    let document = try SettingsDocument(contentsOf: workspace.appending(fileName), file: fileName)
    let project = try ProjectParser(workspace: workspace, home: home).project(document.root)
    for image in project.images where !isFile(workspace.pushing(FilePath(image.dockerfile))) {
      let node = try document.root.mapping()["images"]?.mapping()[image.name]?.mapping()["dockerfile"]
      throw (node ?? document.root).error("there is no file '\(image.dockerfile)' in the workspace")
    }
    return project
  }

  /// Reads the text of a `remote-build.yaml`; no file is looked at.
  /// - Parameters:
  ///   - file: the name that errors begin with.
  ///   - workspace: what relative paths of the laptop's own files, such as `ca-file`, are relative to.
  ///   - home: what `~` stands for in paths.
  public static func parse(
    _ text: String, file: String = fileName, workspace: FilePath = "/", home: FilePath = "/"
  ) throws(SettingsError) -> Project {
    try ProjectParser(workspace: workspace, home: home).project(SettingsDocument(text: text, file: file).root)
  }

  /// Whether a regular file can be read there.
  private static func isFile(_ path: FilePath) -> Bool {
    guard let descriptor = try? FileDescriptor.open(path, .readOnly, options: .nonBlocking) else { return false }
    defer { try? descriptor.close() }
    var byte: UInt8 = 0
    // Reading a directory fails, which opening one does not.
    return withUnsafeMutableBytes(of: &byte) { (try? descriptor.read(into: $0)) != nil }
  }
}
