//! RFC 5424 read strictly: what the grammar does not allow is a panic.

use std::collections::HashSet;

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) priority: u8,
    pub(crate) timestamp: String,
    pub(crate) host_name: String,
    pub(crate) app_name: String,
    pub(crate) proc_id: String,
    pub(crate) msg_id: String,
    /// Elements: the id, and names with values.
    pub(crate) data: Vec<(String, Vec<(String, String)>)>,
    pub(crate) has_bom: bool,
    pub(crate) text: String,
}

impl Message {
    pub(crate) fn element(&self, id: &str) -> Option<&[(String, String)]> {
        self.data.iter().find(|(name, _)| name == id).map(|(_, params)| params.as_slice())
    }

    pub(crate) fn param(&self, id: &str, name: &str) -> Option<&str> {
        let params = self.element(id)?;
        params.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The fields with their keys as the program wrote them, values as text.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let params = self.element("fields@32473").unwrap_or_default();
        let mut fields = Vec::new();
        let mut params = params.iter().peekable();
        while let Some((name, value)) = params.next() {
            let key = match name.split_once("%~") {
                Some((_, number)) => {
                    let (whole, key) = params.next().expect("the whole key should follow");
                    assert_eq!(whole, &format!("%~{number}"));
                    plain(key)
                }
                None => key(name),
            };
            fields.push((key, plain(value)));
        }
        fields
    }
}

/// A key as it was before it became a name.
fn key(name: &str) -> String {
    let rest = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = match rest.strip_suffix('#') {
        Some(key) if rest.len() < name.len() => key,
        _ => name,
    };
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let digits = str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Text as it was before it was quoted.
pub(crate) fn plain(text: &str) -> String {
    if text.starts_with('"') { serde_json::from_str(text).unwrap() } else { text.to_owned() }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn expect(&mut self, bytes: &[u8]) {
        let taken = self.take(bytes.len());
        assert_eq!(taken, bytes, "before {:?}", String::from_utf8_lossy(self.0));
    }

    fn next(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// A word of printable ASCII, without what `except` names.
    fn word(&mut self, most: usize, except: &[u8]) -> String {
        let in_word = |byte: &u8| byte.is_ascii_graphic() && !except.contains(byte);
        let length = self.0.iter().take_while(|byte| in_word(byte)).count();
        assert!((1..=most).contains(&length), "{length} of {most} characters");
        String::from_utf8(self.take(length).to_vec()).unwrap()
    }

    fn number(&mut self, digits: usize, least: u32, most: u32) {
        let text = str::from_utf8(self.take(digits)).unwrap();
        assert!(text.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
        assert!((least..=most).contains(&text.parse().unwrap()), "{text}");
    }

    fn timestamp(&mut self) -> String {
        let start = self.0;
        self.number(4, 0, 9999);
        self.expect(b"-");
        self.number(2, 1, 12);
        self.expect(b"-");
        self.number(2, 1, 31);
        self.expect(b"T");
        self.number(2, 0, 23);
        self.expect(b":");
        self.number(2, 0, 59);
        self.expect(b":");
        // No leap seconds.
        self.number(2, 0, 59);
        if self.next() == Some(b'.') {
            self.expect(b".");
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            assert!((1..=6).contains(&digits));
            self.take(digits);
        }
        self.expect(b"Z");
        String::from_utf8(start[..start.len() - self.0.len()].to_vec()).unwrap()
    }

    fn element(&mut self) -> (String, Vec<(String, String)>) {
        self.expect(b"[");
        let id = self.word(32, b"= ]\"");
        let mut params = Vec::new();
        while self.next() == Some(b' ') {
            self.expect(b" ");
            let name = self.word(32, b"= ]\"");
            self.expect(b"=\"");
            params.push((name, self.value()));
        }
        self.expect(b"]");
        (id, params)
    }

    fn value(&mut self) -> String {
        let mut bytes = Vec::new();
        loop {
            match self.take(1)[0] {
                b'"' => break,
                b'\\' => {
                    let escaped = self.take(1)[0];
                    assert!(matches!(escaped, b'"' | b'\\' | b']'), "needless escape");
                    bytes.push(escaped);
                }
                b']' => panic!("] without an escape"),
                byte => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).expect("values should be UTF-8")
    }
}

/// # Panics
/// When it is no message of RFC 5424, or holds a control character.
pub(crate) fn parse(bytes: &[u8]) -> Message {
    let whole = str::from_utf8(bytes).expect("messages should be UTF-8");
    assert_eq!(whole.find(|c: char| c.is_control()), None, "{whole:?}");
    let mut reader = Reader(bytes);
    reader.expect(b"<");
    let priority = reader.word(3, b">");
    assert!(priority == "0" || !priority.starts_with('0'));
    let priority: u8 = priority.parse().unwrap();
    assert!(priority <= 191);
    reader.expect(b">1 ");
    let timestamp = reader.timestamp();
    reader.expect(b" ");
    let host_name = reader.word(255, b"");
    reader.expect(b" ");
    let app_name = reader.word(48, b"");
    reader.expect(b" ");
    let proc_id = reader.word(128, b"");
    reader.expect(b" ");
    let msg_id = reader.word(32, b"");
    reader.expect(b" ");
    let mut data = Vec::new();
    if reader.next() == Some(b'-') {
        reader.expect(b"-");
    } else {
        while reader.next() == Some(b'[') {
            data.push(reader.element());
        }
        assert!(!data.is_empty());
    }
    let ids: HashSet<_> = data.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), data.len(), "an element came twice");
    for (id, params) in &data {
        let names: HashSet<_> = params.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), params.len(), "a name came twice in {id}");
    }
    let mut text = "";
    if !reader.0.is_empty() {
        reader.expect(b" ");
        text = str::from_utf8(reader.0).unwrap();
        assert!(!text.is_empty());
    }
    let (has_bom, text) = match text.strip_prefix('\u{feff}') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let text = text.to_owned();
    Message { priority, timestamp, host_name, app_name, proc_id, msg_id, data, has_bom, text }
}

/// Messages out of a stream with octet counting, and what is left of a broken one.
pub(crate) fn counted(mut bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let mut messages = Vec::new();
    loop {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == bytes.len() {
            return (messages, bytes.len());
        }
        assert!((1..=7).contains(&digits) && bytes[0] != b'0', "{:?}", bytes.get(..20));
        assert_eq!(bytes[digits], b' ');
        let length: usize = str::from_utf8(&bytes[..digits]).unwrap().parse().unwrap();
        let Some(message) = bytes.get(digits + 1..digits + 1 + length) else {
            return (messages, bytes.len());
        };
        messages.push(message.to_vec());
        bytes = &bytes[digits + 1 + length..];
    }
}

#[test]
fn forbidden_messages_are_found() {
    let good = r#"<14>1 2026-11-24T08:00:00.000000Z h a 1 - [a@1 b="c\]"] x"#;
    assert_eq!(parse(good.as_bytes()).param("a@1", "b"), Some("c]"));
    for (from, to) in [
        ("<14>", "<014>"),
        ("<14>", "<192>"),
        (".000000Z", ".0000000Z"),
        ("00.0", "60.0"),
        (r"c\]", "c]"),
        (r"c\]", r"c\n"),
        ("b=", "b\n="),
        (" - ", "  "),
        ("[a@1 ", "[a@1]["),
        (r#"="c\]""#, r#"="1" b="2""#),
        ("] x", "]x"),
        ("] x", "] "),
        ("] x", "] \u{1b}"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        let parsed = std::panic::catch_unwind(|| parse(bad.as_bytes()));
        assert!(parsed.is_err(), "{bad}");
    }
}
