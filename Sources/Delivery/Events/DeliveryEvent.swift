// SPDX-License-Identifier: Apache-2.0

public import Vocabulary

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Something that happened in a run, for a view or a log. `docs/events.md` lists them as `--json` prints them.
public struct DeliveryEvent: Sendable {
  public var time: Date
  /// The host that it happened on, by its name in the inventory; `nil` for what concerns the run as a whole.
  public var host: String?
  public var body: Body

  public init(time: Date = Date(), host: String? = nil, _ body: Body) {
    self.time = time
    self.host = host
    self.body = body
  }

  public enum Body: Sendable {
    /// What will be built, and where to.
    case planned(Planned)
    /// A session with the host stands and its agent answers.
    case connected(Connected)
    /// The host's tree equals the laptop's.
    case synced(Synced)
    /// The version stands in the registry already, with the same build key: nothing is built or pushed.
    case standing(Standing)
    /// Someone else holds the lease on the workspace's copy, and the run waits for it.
    case waiting(Waiting)
    /// The job was accepted by the host.
    case started(Started)
    /// The job waits for its turn.
    case queued(Queued)
    /// A step of the build began, ended, or was found in the cache.
    case step(Step)
    /// A line that a step printed; not safe to show on a terminal as it is.
    case output(Output)
    /// The image is in the registry, as the builder says.
    case pushed(Pushed)
    /// The registry holds the release whole, and as it was built.
    case verified(Verified)
    /// A further host has the image by its digest.
    case pulled(Pulled)
    /// The connection broke and is taken up again; the job goes on meanwhile.
    case reconnecting(Reconnecting)
    /// The host had a part of the log no more when it was asked for it.
    case skipped(Skipped)
    /// A job was ended, or done with, because somebody asked for it.
    case ended(Ended)
    /// A channel is going to be moved.
    case moving(ChannelMove)
    /// A channel was moved, or put back, and reads so.
    case moved(ChannelMove)
    /// A version is going to be put back where the workspace pins it.
    case pinning(Pinning)
    case warning(Warning)
    /// A host's part in the run, or the run, ended early.
    case failed(DeliveryError)
    /// The run is over.
    case finished(Finished)
  }

  public struct Planned: Codable, Sendable, Hashable {
    public var image: String
    public var version: String
    /// `registry/owner/name:version`.
    public var reference: String
    public var hosts: [String]
    public var platform: Platform?
    /// What the image stands on, by its reference.
    public var bases: [String]
  }

  public struct Connected: Codable, Sendable, Hashable {
    /// How long connecting took, in seconds, the agent's start included.
    public var seconds: Double
    public var platform: Platform
    /// The builder and its version: `docker 20.10.24`; `nil` where it was not asked for.
    public var builder: String?
  }

  public struct Synced: Codable, Sendable, Hashable {
    public var filesTotal: Int
    public var filesChanged: Int
    public var filesDeleted: Int
    /// Bytes of file content that were sent, before compression.
    public var contentBytes: ByteCount
    /// Bytes written to the stream, the protocol's own included.
    public var bytesSent: ByteCount
    public var bytesReceived: ByteCount
    public var roundTrips: Int
    public var seconds: Double
    public var tree: Digest
    /// Managed files that had been edited on the host, and where they were saved.
    public var savedAside: [String]
  }

  public struct Standing: Codable, Sendable, Hashable {
    public var reference: String
    public var buildKey: Digest
  }

  public struct Waiting: Codable, Sendable, Hashable {
    /// Who holds the lease, as that client named itself: `ada@laptop`.
    public var owner: String
    /// Since when, in ISO 8601.
    public var since: String
  }

  public struct Started: Codable, Sendable, Hashable {
    public var job: String
    /// The log on this laptop, which grows with the job's.
    public var log: String
  }

  public struct Queued: Codable, Sendable, Hashable {
    /// How many jobs go first; 0 when its turn has come after a wait.
    public var position: Int
  }

  public struct Step: Codable, Sendable, Hashable {
    public enum State: String, Codable, Sendable { case started, done, cached, failed }
    public var number: Int
    public var name: String
    public var state: State
    public var seconds: Double
  }

  public struct Output: Codable, Sendable, Hashable {
    /// The step's name, or `push`, `pull`.
    public var step: String
    public var line: String
  }

  public struct Pushed: Codable, Sendable, Hashable {
    public var reference: String
    public var layersSent: Int
    public var layersPresent: Int
    /// Compressed bytes of the layers that were sent.
    public var bytesSent: ByteCount
    public var seconds: Double
  }

  public struct Verified: Codable, Sendable, Hashable {
    public var reference: String
    public var digest: Digest
    public var platforms: [Platform]
    public var layers: Int
    /// Compressed bytes of all layers and the config.
    public var size: ByteCount
    public var buildKey: Digest?
  }

  public struct Pulled: Codable, Sendable, Hashable {
    public var reference: String
    public var digest: Digest
    public var seconds: Double
  }

  public struct Reconnecting: Codable, Sendable, Hashable {
    public var reason: String
    public var attempt: Int
    /// Until the next attempt.
    public var seconds: Double
    /// For how long it will be tried, in seconds.
    public var patience: Double

    public init(reason: String, attempt: Int, seconds: Double, patience: Double) {
      self.reason = reason
      self.attempt = attempt
      self.seconds = seconds
      self.patience = patience
    }
  }

  public struct Skipped: Codable, Sendable, Hashable {
    /// How many bytes of the log are missing.
    public var bytes: UInt64
    /// The number of the byte with which it goes on.
    public var offset: UInt64
  }

  public struct Ended: Codable, Sendable, Hashable {
    public var job: String
    /// `cancelled`, `dismissed`.
    public var state: String
    /// What is left of it.
    public var leftBehind: String?
  }

  public struct Pinning: Codable, Sendable, Hashable {
    public var image: String
    /// The versions' tags.
    public var from: String
    public var to: String
    /// Lines of the files' difference, as `diff -u` marks them.
    public var difference: [String]
  }

  public struct Warning: Codable, Sendable, Hashable {
    public var message: String

    public init(message: String) { self.message = message }
  }

  public struct Finished: Codable, Sendable, Hashable {
    public var image: String
    public var status: ExitStatus
    public var seconds: Double
    public var reference: String?
    public var digest: Digest?
    /// The directory of the build's record on this laptop.
    public var record: String?
    /// Who did what, in the order in which the hosts were named.
    public var hosts: [HostResult]
  }
}

/// A host's part in a run.
public struct HostResult: Codable, Sendable, Hashable {
  public enum Part: String, Codable, Sendable {
    case built, pulled, standing, synced, failed, skipped
  }
  public var host: String
  public var part: Part
  public var status: ExitStatus
  /// What happened there, in a few words.
  public var summary: String
  public var seconds: Double

  public init(host: String, part: Part, status: ExitStatus, summary: String, seconds: Double) {
    self.host = host
    self.part = part
    self.status = status
    self.summary = summary
    self.seconds = seconds
  }
}

/// Where events go. Called from any task; it must not block for long.
public typealias EventSink = @Sendable (DeliveryEvent) -> Void
