//! The origins that a client may list.
//!
//! It owns the rule for them: they are the texts that a browser can send as an `Origin`. It must not know which client
//! lists which origin.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The complaint about a text that is not an origin, in words that complete a sentence, which begins with the text.
pub const COMPLAINT: &str = "is not written as a browser sends an Origin, such as https://app.example or \
     http://localhost:3000: it must be a scheme, a host in lower case, and a port only if it is not the scheme's default";

/// Whether `raw` is an origin as browsers write it ([RFC 6454](https://www.rfc-editor.org/rfc/rfc6454#section-6.2)).
/// The Worker compares texts, so an origin in another spelling would never match.
#[must_use]
pub fn is_origin(raw: &str) -> bool {
    let Some((scheme, authority)) = raw.split_once("://") else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        // A colon within brackets belongs to an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    is_scheme(scheme) && is_host(host) && port.is_none_or(|port| is_port(port, scheme))
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse().is_ok_and(|parsed: Ipv6Addr| parsed.to_string() == address);
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
    };
    // A browser reads a host that ends in a number as an IPv4 address, and writes the address in full.
    let is_address = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    host.split('.').all(is_label) && (!is_address || host.parse::<Ipv4Addr>().is_ok())
}

fn is_port(port: &str, scheme: &str) -> bool {
    let is_default = matches!((scheme, port), ("http", "80") | ("https", "443"));
    port.parse().is_ok_and(|number: u16| number > 0 && number.to_string() == port) && !is_default
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for origin in [
            "https://app.example",
            "http://localhost:3000",
            "https://a-b.c_d.xn--bcher-kva.example:8443",
            "http://127.0.0.1:8080",
            "http://[::1]:3000",
            "https://[2001:db8::1]",
            "http://app.example:443",
            "https://app.example:80",
            "capacitor://localhost",
            "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
        for text in [
            "",
            "*",
            "null",
            "app.example",
            "https:/app.example",
            "https://",
            "://app.example",
            "https://app.example/",
            "https://app.example/path",
            "https://app.example?",
            "https://App.example",
            "HTTPS://app.example",
            "https://*.app.example",
            "https://user@app.example",
            "https://bücher.example",
            "https://app.example.",
            "https://.app.example",
            "https://app.example:",
            "https://app.example:443",
            "http://app.example:80",
            "https://app.example:0",
            "https://app.example:08443",
            "https://app.example:+1",
            "https://app.example:65536",
            "https://a:1:2",
            "http://127.1",
            "http://1.2.3.256",
            "http://[::1",
            "http://[0:0:0:0:0:0:0:1]",
            "http://[2001:DB8::1]",
            "https://a,https://b",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }
}
