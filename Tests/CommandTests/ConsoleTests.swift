// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Testing

@testable import RemoteBuildCommands

@Suite struct ConsoleTests {
  /// Writers wait for the reader here, so they have threads of their own.
  @Test func linesOfManyThreadsStayWhole() throws {
    let pipe = Pipe()
    let console = Console(terminal: Terminal(), out: pipe.fileHandleForWriting.fileDescriptor)
    let writers = DispatchGroup()
    for letter in "abcd" {
      writers.enter()
      Thread.detachNewThread {
        for _ in 0..<50 { console.out(String(repeating: letter, count: 9000)) }
        writers.leave()
      }
    }
    let writing = pipe.fileHandleForWriting
    writers.notify(queue: .global()) { try? writing.close() }
    let lines = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 200)
    #expect(lines.allSatisfy { $0.count == 9000 && Set($0).count == 1 })
  }

  @Test func aReaderThatHasGoneIsNoError() throws {
    let talk = Pipe()
    let data = Pipe()
    let console = Console(
      terminal: Terminal(), out: data.fileHandleForWriting.fileDescriptor,
      talk: talk.fileHandleForWriting.fileDescriptor)
    try talk.fileHandleForReading.close()
    console.say("to nobody")
    console.say("to nobody still")
    console.out("to somebody")
    try data.fileHandleForWriting.close()
    #expect(data.fileHandleForReading.readDataToEndOfFile() == Data("to somebody\n".utf8))
  }

  @Test func aViewHasWrittenAllWhenItHasFinished() throws {
    let pipe = Pipe()
    let console = Console(terminal: Terminal(), talk: pipe.fileHandleForWriting.fileDescriptor)
    for mode in [ProgressMode.plain, .none, .tty] {
      let view = mode.view(json: false, verbose: false, console: console)
      for event in SampleRun.refused.events { view.show(event) }
      view.finish()
    }
    try pipe.fileHandleForWriting.close()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(text.components(separatedBy: "stands in the registry with another build key").count == 4)
    #expect(text.components(separatedBy: "exit status 74").count == 3)
  }
}
