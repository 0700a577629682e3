//! The address that a request comes from, and its keys in the block list.
//!
//! It owns the canonical form of a key, so that the Worker looks up the same text that `make block` writes. It must
//! not know HTTP or KV.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The ranges that are looked up besides the address itself, as prefix lengths.
const IPV4_RANGES: [u32; 2] = [24, 16];
const IPV6_RANGES: [u32; 4] = [64, 56, 48, 32];

/// An address in its canonical form: an IPv4-mapped IPv6 address is the IPv4 address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientIp(IpAddr);

/// One key of the block list: an address, or a range that the Worker looks up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockKey(String);

/// Why a text is not a key of the block list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockKeyError {
    /// The text, or the part before its `/`, is neither an IPv4 nor an IPv6 address.
    Address(String),
    /// The range has a prefix length that is not looked up.
    Range(String),
}

impl ClientIp {
    /// Takes an address as `CF-Connecting-IP` or a person writes it, in any spelling of
    /// [RFC 4291](https://www.rfc-editor.org/rfc/rfc4291#section-2.2) without a zone.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let address: IpAddr = raw.parse().ok()?;
        Some(Self(address.to_canonical()))
    }

    /// The keys under which this address can be blocked: the address in the form of
    /// [RFC 5952](https://www.rfc-editor.org/rfc/rfc5952), then the ranges around it, the narrowest first.
    #[must_use]
    pub fn block_keys(self) -> Vec<String> {
        let ranges = self.ranges().iter().map(|&length| self.range(length));
        std::iter::once(self.0.to_string()).chain(ranges).collect()
    }

    /// The network of one household or server: the IPv4 address, or the /64 of the IPv6 address.
    #[must_use]
    pub fn network(self) -> String {
        match self.0 {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(_) => self.range(64),
        }
    }

    fn ranges(self) -> &'static [u32] {
        match self.0 {
            IpAddr::V4(_) => &IPV4_RANGES,
            IpAddr::V6(_) => &IPV6_RANGES,
        }
    }

    /// The range of `length` leading bits around the address, its other bits zero.
    fn range(self, length: u32) -> String {
        let network: IpAddr = match self.0 {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(u32::BITS.saturating_sub(length)).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & mask).into()
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(u128::BITS.saturating_sub(length)).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        };
        format!("{network}/{length}")
    }
}

impl BlockKey {
    /// Takes an address, or a range as an address with a prefix length that is looked up. The key of a range is masked
    /// to the prefix.
    ///
    /// # Errors
    /// [`BlockKeyError`], whose text is a sentence for the operator.
    pub fn parse(raw: &str) -> Result<Self, BlockKeyError> {
        let (address, length) = match raw.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (raw, None),
        };
        let ip = ClientIp::parse(address).ok_or_else(|| BlockKeyError::Address(raw.to_owned()))?;
        let Some(length) = length else {
            return Ok(Self(ip.0.to_string()));
        };
        ip.ranges()
            .iter()
            .find(|looked_up| looked_up.to_string() == length)
            .map(|&length| Self(ip.range(length)))
            .ok_or_else(|| BlockKeyError::Range(raw.to_owned()))
    }

    /// The keys of the ranges around this address or range, the narrowest first.
    #[must_use]
    pub fn around(&self) -> Vec<String> {
        // The part before the slash is the address, or the first address of the range.
        let address = self.0.split('/').next().and_then(ClientIp::parse);
        let keys = address.map(ClientIp::block_keys).unwrap_or_default();
        keys.into_iter().skip_while(|other| *other != self.0).skip(1).collect()
    }
}

impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BlockKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(raw) => write!(
                f,
                "\"{raw}\" is not an IP address: give one such as 203.0.113.7 or 2001:db8::1, or a range such as 203.0.113.0/24"
            ),
            Self::Range(raw) => write!(
                f,
                "\"{raw}\" is not a range that is looked up: IPv4 takes /24 and /16, IPv6 takes /64, /56, /48 and /32, and a single address takes no length"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(raw: &str) -> Vec<String> {
        ClientIp::parse(raw).unwrap().block_keys()
    }

    #[test]
    fn an_ipv4_address_is_looked_up_with_two_ranges() {
        assert_eq!(keys("203.0.113.7"), ["203.0.113.7", "203.0.113.0/24", "203.0.0.0/16"]);
    }

    #[test]
    fn an_ipv6_address_is_looked_up_in_canonical_form_with_four_ranges() {
        let expected = [
            "2001:db8:1234:5678:9abc::1",
            "2001:db8:1234:5678::/64",
            "2001:db8:1234:5600::/56",
            "2001:db8:1234::/48",
            "2001:db8::/32",
        ];
        assert_eq!(keys("2001:db8:1234:5678:9abc::1"), expected);
        assert_eq!(keys("2001:0DB8:1234:5678:9ABC:0:0:1"), expected);
        assert_eq!(keys("::1"), ["::1", "::/64", "::/56", "::/48", "::/32"]);
    }

    #[test]
    fn an_ipv4_mapped_address_is_the_ipv4_address() {
        assert_eq!(keys("::ffff:203.0.113.7"), keys("203.0.113.7"));
        assert_eq!(keys("::FFFF:cb00:7107"), keys("203.0.113.7"));
    }

    #[test]
    fn the_ranges_around_a_key_are_the_wider_ones() {
        for (raw, around) in [
            ("203.0.113.7", &["203.0.113.0/24", "203.0.0.0/16"][..]),
            ("203.0.113.7/24", &["203.0.0.0/16"]),
            ("203.0.0.0/16", &[]),
            ("2001:db8:1:2::/56", &["2001:db8:1::/48", "2001:db8::/32"]),
        ] {
            assert_eq!(BlockKey::parse(raw).unwrap().around(), around, "{raw}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for raw in [
            "",
            " ",
            "unknown",
            "203.0.113",
            "203.0.113.256",
            "203.0.113.07",
            " 203.0.113.7",
            "203.0.113.7:80",
            "[::1]",
            "fe80::1%eth0",
            "203.0.113.7, 203.0.113.8",
            "2001:db8:::1",
            "0x7f.1",
        ] {
            assert!(ClientIp::parse(raw).is_none(), "{raw:?}");
        }
    }

    #[test]
    fn an_operator_writes_what_is_looked_up() {
        for (raw, key) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("203.0.113.7/16", "203.0.0.0/16"),
            ("2001:DB8:0:0::1", "2001:db8::1"),
            ("2001:DB8:1:2:3:4:5:6/64", "2001:db8:1:2::/64"),
            ("2001:db8:1:2ff::/56", "2001:db8:1:200::/56"),
            ("2001:db8:1:2::/48", "2001:db8:1::/48"),
            ("2001:db8:1:2::/32", "2001:db8::/32"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            let parsed = BlockKey::parse(raw).unwrap().to_string();
            assert_eq!(parsed, key);
            assert!(keys(raw.split('/').next().unwrap()).contains(&parsed));
        }
    }

    #[test]
    fn an_operator_is_told_what_would_be_right() {
        for raw in [
            "203.0.113.7/8",
            "203.0.113.7/024",
            "203.0.113.7/",
            "203.0.113.7/64",
            "2001:db8::/40",
            "::1/24",
            "::/0",
        ] {
            let error = BlockKey::parse(raw).unwrap_err();
            assert_eq!(error, BlockKeyError::Range(raw.to_owned()));
            assert!(error.to_string().contains("/24 and /16"));
        }
        for raw in ["", "/24", "example.com", "203.0.113/24", "*"] {
            assert_eq!(BlockKey::parse(raw), Err(BlockKeyError::Address(raw.to_owned())));
        }
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_the_64_of_an_ipv6_address() {
        for (raw, network) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1234:5678:9abc::1", "2001:db8:1234:5678::/64"),
        ] {
            assert_eq!(ClientIp::parse(raw).unwrap().network(), network);
        }
    }

    #[test]
    fn an_address_is_shown_in_its_canonical_form() {
        for (raw, shown) in [("2001:0DB8:0:0::1", "2001:db8::1"), ("::ffff:203.0.113.7", "203.0.113.7")] {
            assert_eq!(ClientIp::parse(raw).unwrap().to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(raw in any::<String>()) {
            let _ = (ClientIp::parse(&raw), BlockKey::parse(&raw));
        }

        #[test]
        fn every_spelling_of_an_address_has_one_set_of_keys(bits in any::<u128>()) {
            let address = Ipv6Addr::from_bits(bits);
            let long = address.segments().map(|s| format!("{s:04X}")).join(":");
            prop_assert_eq!(keys(&long), keys(&address.to_string()));
        }

        #[test]
        fn each_key_is_what_an_operator_would_write(v6 in any::<u128>(), v4 in any::<u32>(), is_v4 in any::<bool>()) {
            let address: IpAddr =
                if is_v4 { Ipv4Addr::from_bits(v4).into() } else { Ipv6Addr::from_bits(v6).into() };
            for key in keys(&address.to_string()) {
                prop_assert_eq!(BlockKey::parse(&key).unwrap().to_string(), key);
            }
        }
    }
}
