// SPDX-License-Identifier: Apache-2.0

internal import Registry

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// Looks at the registry from this machine: whether it is reached and trusted, and whether one may log in and push.
struct RegistryExamination: Sendable {
  let place: RegistryPlace

  /// A certificate that ends within so many seconds is warned of.
  private static let soon = 14 * 86_400.0
  /// Tokens carry times: registries refuse those of another hour.
  private static let mostSkew = 60.0

  func run() async -> Examination {
    let start = ContinuousClock.now
    let checks = await checks()
    return Examination(host: nil, checks: checks, seconds: start.duration(to: .now).seconds)
  }

  private func checks() async -> [Check] {
    if let via = place.via {
      return [
        .warn(
          .registry, "\(place.name) is reached through \(via), so this machine does not ask it",
          mend: "see registry-reach and registry-pull of \(via)")
      ]
    }
    let greeting: RegistryGreeting
    do {
      greeting = try await place.client.greet()
    } catch {
      return [.fail(.registry, error, host: nil)]
    }
    var checks = [Check.pass(.registry, "\(place.name) answers this machine")]
    if place.address.isPlain {
      checks.append(.pass(.certificate, "none: it is spoken to in plain HTTP"))
    } else if let end = greeting.certificateEnd {
      checks.append(certificate(end))
    }
    if let clock = greeting.clock { checks.append(Self.clock(clock)) }
    do {
      try await place.client.check()
    } catch {
      return checks + [.fail(.registryLogin, error, host: nil)]
    }
    guard let repository = place.repository else {
      return checks + [
        .pass(.registryLogin, "it lets this user in; no owner is named, so nothing was asked about pushes")
      ]
    }
    do {
      _ = try await place.client.manifestHead(repository, .tag(Tag("remote-build-access-check")))
      checks.append(.pass(.registryLogin, "it lets this user in"))
    } catch {
      return checks + [.fail(.registryLogin, error, host: nil)]
    }
    do {
      try await place.client.checkPush(repository)
      checks.append(.pass(.push, "pushes to \(repository) are allowed (an upload was begun and cancelled)"))
    } catch let error as RegistryError {
      checks.append(push(error, repository))
    } catch {
      checks.append(.fail(.push, error, host: nil))
    }
    return checks
  }

  private func push(_ error: RegistryError, _ repository: RepositoryName) -> Check {
    let mend =
      "give this user or token the right to write to \(repository) (packages: write), or log in as one that has it"
    let isRefusal = [.unauthorized, .forbidden, .refused, .notFound].contains(error.code)
    let status: ExitStatus = isRefusal ? .authentication : DeliveryError(error, host: nil).status
    return .fail(
      .push, status, "a push to \(repository) is refused: \(error.message)",
      mend: isRefusal ? [mend, "docker login \(place.name)"] : error.hint.map { [$0] } ?? [])
  }

  private func certificate(_ end: Date) -> Check {
    let rest = end.timeIntervalSinceNow
    let day = end.formatted(.iso8601.year().month().day())
    guard rest < Self.soon else { return .pass(.certificate, "good until \(day)") }
    return .warn(
      .certificate, "the registry's certificate ends on \(day), in \(max(0, Int(rest / 86_400))) days",
      mend: "renew it before then: builds fail from that day on")
  }

  private static func clock(_ clock: Date) -> Check {
    let skew = clock.timeIntervalSinceNow
    guard abs(skew) > mostSkew else { return .pass(.registryClock, "as this machine's") }
    return .warn(
      .registryClock, "the registry's clock is \(Skew(seconds: skew)) this machine's",
      mend: "set whichever is wrong (timedatectl set-ntp true): tokens and certificates carry times")
  }
}

/// How far one clock is from another, in words: `2 h 5 min ahead of`.
struct Skew: CustomStringConvertible {
  /// Positive where the clock spoken of is ahead.
  var seconds: Double

  var description: String {
    let whole = Int(min(abs(seconds), 1e12).rounded())
    let text =
      switch whole {
      case ..<120: "\(whole) s"
      case ..<7200: "\(whole / 60) min"
      case ..<172_800: "\(whole / 3600) h \(whole % 3600 / 60) min"
      default: "\(whole / 86_400) days"
      }
    return "\(text) \(seconds < 0 ? "behind" : "ahead of")"
  }
}
