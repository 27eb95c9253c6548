// SPDX-License-Identifier: Apache-2.0

import Foundation
import LabKit
import SystemPackage
import Testing

/// A build that prints numbered lines until a gate is opened: what of its log is lost or doubled shows.
enum ChattyBuild {
  /// Makes the bench's workspace one that has such a build.
  /// - Parameter end: what the printing program does at its end, in Python.
  static func write(_ gate: Gate, end: String = "", in bench: Workbench) throws {
    try bench.writeSmallWorkspace(
      dockerfile: "FROM python:3.12-slim\nCOPY chatty.py /\nRUN python3 /chatty.py\nCOPY app.py /\n")
    try bench.write(".dockerignore", "*\n!app.py\n!lib\n!chatty.py\n")
    try bench.write(
      "chatty.py",
      """
      import socket, sys, time
      gate = socket.create_connection(('127.0.0.1', \(gate.port)))
      gate.setblocking(False)
      number = 0
      while True:
          print('line', number, 'x' * (number % 70), flush=True)
          number += 1
          try:
              gate.recv(1)
              break
          except BlockingIOError:
              time.sleep(0.02)
      print('the last line', flush=True)
      \(end)

      """)
  }

  /// Whether the events of a run tell each of its lines once, in order, and to the last.
  static func expectEachLineOnce(_ run: Workbench.Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
    let lines = run.events("output").compactMap { $0["line"] as? String }
    let numbers = lines.filter { $0.hasPrefix("line ") }.compactMap { $0.split(separator: " ").dropFirst().first }
    #expect(numbers.count > 10, sourceLocation: sourceLocation)
    #expect(numbers.map { Int($0) } == numbers.indices.map { $0 }, sourceLocation: sourceLocation)
    #expect(lines.filter { $0 == "the last line" }.count == 1, sourceLocation: sourceLocation)
  }
}

extension Workbench {
  /// A job's log as its host has it.
  func hostLog(of job: String, on host: LabHost) throws -> Data {
    let home = try #require(host.homeSeenFromOutside)
    return try Data(contentsOf: URL(filePath: "\(home)/.local/state/remote-build/jobs/\(job)/log"))
  }

  /// A job's log as this laptop has it.
  func ownLog(of job: String, state: String = "home/.local/state") throws -> Data {
    try Data(contentsOf: URL(filePath: directory.appending("\(state)/remote-build/builds/\(job)/log").string))
  }

  /// Makes a host file for a proxy to `host`.
  func writeHost(_ host: LabHost, behind proxy: LabProxy) throws {
    let network = host.buildNetwork.map { "build-network: \($0)\n" } ?? ""
    try write(
      "../home/.config/remote-build/hosts/\(proxy.name).yaml",
      "address: \(proxy.name)\nroles: [build]\n\(network)")
  }
}
