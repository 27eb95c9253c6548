// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a registry says of itself when it is first spoken to, before any login.
public struct RegistryGreeting: Sendable, Hashable {
  /// Its clock, in whole seconds, where it told it.
  public var clock: Date?
  /// When its certificate ends; `nil` in plain HTTP, and where libcurl does not tell.
  public var certificateEnd: Date?
}

extension RegistryClient {
  /// Connects, and asks nothing that needs a login: any answer that is HTTP will do.
  public func greet() async throws -> RegistryGreeting {
    var request = HTTPRequest(.get, address.endpoint.at("/v2/"))
    request.wantsCertificate = true
    let response = try await transport.perform(request, deadline: .now + deadline)
    return RegistryGreeting(
      clock: response.value("Date").flatMap(RegistryTime.header),
      certificateEnd: response.certificateEnd.flatMap(RegistryTime.certificate))
  }

  /// Whether pushing to a repository is allowed: begins the upload of a blob, and cancels it. Nothing is stored.
  ///
  /// - Throws: ``RegistryError`` with code `unauthorized` or `forbidden` where it is not.
  public func checkPush(_ repository: RepositoryName) async throws {
    let begun = try await exchange(.post, "/v2/\(repository)/blobs/uploads/", scope: .push(repository), body: [])
    guard begun.status == 202 else { throw await failure(begun, "begin an upload to \(repository)") }
    guard let text = begun.value("Location"), let location = begun.location.resolving(text) else { return }
    // A registry that takes no cancellation forgets the upload by itself.
    _ = try? await exchange(HTTPRequest(.delete, location), scope: .push(repository))
  }
}

/// The two ways in which times come: `Sun, 06 Nov 1994 08:49:37 GMT` in HTTP, `Nov  6 08:49:37 1994 GMT` of certificates.
enum RegistryTime {
  static func header(_ text: String) -> Date? {
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT" else { return nil }
    return date(day: words[1], month: words[2], year: words[3], clock: words[4])
  }

  static func certificate(_ text: String) -> Date? {
    let words = text.split(separator: " ")
    guard words.count == 5, words[4] == "GMT" else { return nil }
    return date(day: words[1], month: words[0], year: words[3], clock: words[2])
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  private static func date(day: Substring, month: Substring, year: Substring, clock: Substring) -> Date? {
    let time = clock.split(separator: ":").compactMap { Int($0) }
    guard let day = Int(day), (1...31).contains(day), let month = months.firstIndex(of: String(month)),
      let year = Int(year), (1970...9999).contains(year), time.count == 3, (0...23).contains(time[0]),
      (0...59).contains(time[1]), (0...60).contains(time[2])
    else { return nil }
    let days = dayNumber(year, month + 1, day)
    return Date(timeIntervalSince1970: Double(((days * 24 + time[0]) * 60 + time[1]) * 60 + time[2]))
  }

  /// Days since 1 January 1970 in the Gregorian calendar, counted in years that begin in March.
  private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let (era, ofEra) = (year / 400, year % 400)
    let ofYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
  }
}
