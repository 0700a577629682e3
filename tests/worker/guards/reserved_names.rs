//! `RESERVED_NAMES`: a sign-up with a reserved name gets the answer that the name is taken.

use crate::faults::server;
use crate::request::{account, sign_up};

const NAMES: &str = r#"{"RESERVED_NAMES":"\n  Root-\u00c4dmin \r\n\nStra\u00dfe-r"}"#;

#[test]
fn a_reserved_name_is_taken_in_every_spelling_and_namespace() {
    for (name, client_id) in
        [("root-ädmin", "reserved-1"), ("ROOT-A\u{308}DMIN", "reserved-2"), ("ＳＴＲＡSSE-r", "reserved-1")]
    {
        let shown = name.replace("A\u{308}", "Ä");
        let answer = sign_up(name, client_id).vars(NAMES).send_to(server());
        answer.is(
            409,
            &format!(r#"{{"username":"{shown}","code":"409","description":"Username already in use"}}"#),
        );
        let line = server().log_line(answer.id());
        assert_eq!((&line["outcome"], line.get("cause")), (&"taken".into(), None));
        account(name).vars(NAMES).send_to(server()).is(409, &format!(r#"{{"name":"{shown}","code":"409"}}"#));
    }
    let database = server().database();
    assert_eq!((database.users("reserved-1"), database.users("reserved-2")), (vec![], vec![]));
    assert_eq!(database.accounts("root-ädmin"), []);

    // Other names pass, and without the setting a reserved name does too.
    assert_eq!(sign_up("root-ädmins", "reserved-1").vars(NAMES).send_to(server()).status, 200);
    assert_eq!(account("not-reserved").vars(NAMES).send_to(server()).status, 201);
    assert_eq!(sign_up("root-ädmin", "reserved-1").send_to(server()).status, 200);
    assert_eq!(account("root-ädmin").send_to(server()).status, 201);
}

#[test]
fn a_list_that_makes_no_sense_stops_the_service_and_the_log_names_the_line() {
    for (vars, cause) in [
        (r#"{"RESERVED_NAMES":"root\nno name"}"#, "RESERVED_NAMES, line 2 must consist of letters,"),
        (r#"{"RESERVED_NAMES":""}"#, "RESERVED_NAMES must have a name"),
        (r#"{"RESERVED_NAMES":["admin","root"]}"#, "RESERVED_NAMES must be text, with one name a line"),
    ] {
        for request in [sign_up("unreserved", "reserved-3"), account("unreserved")] {
            let answer = request.vars(vars).send_to(server());
            answer.is(500, r#"{"description":"Internal error","code":"500"}"#);
            let line = server().log_line(answer.id());
            assert!(line["cause"].as_str().unwrap().starts_with(cause), "{line}");
        }
    }
    let database = server().database();
    assert_eq!((database.users("reserved-3"), database.accounts("unreserved")), (vec![], vec![]));
}
