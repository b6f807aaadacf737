use super::*;

#[test]
fn the_head_tells_where_the_body_starts() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ns1\n";
    assert_eq!(head(answer).unwrap(), Some((3, 38)));
    assert_eq!(head(&answer[..30]).unwrap(), None, "incomplete");
    for bad in [
        &b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ] {
        assert!(head(bad).is_err(), "{}", String::from_utf8_lossy(bad));
    }
}

#[test]
fn shares_are_percent_of_the_answers() {
    let mut tally = Tally::default();
    for server in ["s1", "s2", "s2", "s2"] {
        tally.add(Ok(server.to_owned()));
    }
    tally.add(Err(anyhow::anyhow!("refused")));
    assert_eq!(tally.shares(), BTreeMap::from([("s1", 25.0), ("s2", 75.0)]));
}
