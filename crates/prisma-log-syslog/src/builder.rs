//! What a syslog sink is built from, and which settings make no sense.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use prisma_log_core::{Durability, Error};
use prisma_log_format::TextEncoder;

use crate::form::{
    Form, Header, MAX_MESSAGE_ID, MessageId, Parts3164, Parts5424, Rfc3164, Rfc5424,
};
use crate::net::background::Background;
use crate::net::datagrams::Datagrams;
use crate::net::open;
use crate::net::resolve::Resolver;
use crate::net::stream::{Stream, StreamOptions};
use crate::origin::{Names, Origin, check};
use crate::sink::Out;
use crate::transport::{Address, Way, check_path};
use crate::{Facility, Framing, Protocol, SyslogSink, SyslogStats, Transport};

/// What every receiver must accept (RFC 5424, 6.1; RFC 5426, 3.2).
pub(crate) const LEAST_MESSAGE: usize = 480;
/// What fits into a packet that no network cuts into pieces (RFC 5426, 3.2, for IPv6).
const UDP_MESSAGE: usize = 1180;
/// What receivers should accept (RFC 5425, 4.3.1), and most do by default.
const STREAM_MESSAGE: usize = 8192;
/// Most bytes that a datagram over IPv6 holds.
const MAX_UDP_MESSAGE: usize = 65_487;
const MAX_MESSAGE: usize = 1024 * 1024;
/// What a header leaves free for the record at least.
const LEAST_ROOM: usize = 160;

/// Builds a [`SyslogSink`].
#[must_use = "nothing is sent before `build`"]
#[derive(Debug)]
pub struct SyslogSinkBuilder {
    transport: Transport,
    protocol: Option<Protocol>,
    framing: Option<Framing>,
    facility: Facility,
    app_name: Option<String>,
    host_name: Option<String>,
    proc_id: Option<String>,
    msg_id: Option<String>,
    msg_id_field: Option<String>,
    sd_id: String,
    bom: bool,
    typed: bool,
    sequence: bool,
    site: bool,
    max_message: Option<usize>,
    resend: u64,
    connect_timeout: Duration,
    write_timeout: Duration,
    flush_timeout: Duration,
}

impl SyslogSinkBuilder {
    pub(crate) fn new(transport: Transport) -> Self {
        SyslogSinkBuilder {
            transport,
            protocol: None,
            framing: None,
            facility: Facility::default(),
            app_name: None,
            host_name: None,
            proc_id: None,
            msg_id: None,
            msg_id_field: None,
            sd_id: "fields@32473".to_owned(),
            bom: true,
            typed: false,
            sequence: true,
            site: false,
            max_message: None,
            resend: 0,
            connect_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(5),
            flush_timeout: Duration::from_secs(5),
        }
    }

    /// The form of messages; by default RFC 5424, and RFC 3164 to a unix socket, where the local
    /// daemons expect it.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// How messages are told apart on a stream; by default octet counting over TCP and TLS, and
    /// lines on a unix stream. Datagrams have no framing.
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = Some(framing);
        self
    }

    /// What kind of program the records are from; by default [`Facility::User`].
    pub fn facility(mut self, facility: Facility) -> Self {
        self.facility = facility;
        self
    }

    /// The program's name (APP-NAME, TAG): 1 to 48 printable ASCII characters, over RFC 3164 32 of
    /// letters, digits, `-`, `_`, `.` and `/`. By default the name of the executable file.
    pub fn app_name(mut self, name: impl Into<String>) -> Self {
        self.app_name = Some(name.into());
        self
    }

    /// The machine's name (HOSTNAME): 1 to 255 printable ASCII characters. By default what the
    /// system is called. Not sent in RFC 3164 messages to a unix socket.
    pub fn host_name(mut self, name: impl Into<String>) -> Self {
        self.host_name = Some(name.into());
        self
    }

    /// The process (PROCID): 1 to 128 printable ASCII characters; by default its number.
    pub fn proc_id(mut self, id: impl Into<String>) -> Self {
        self.proc_id = Some(id.into());
        self
    }

    /// The type of messages (MSGID, RFC 5424 only): 1 to 32 printable ASCII characters; by default
    /// `-`, for none.
    pub fn msg_id(mut self, id: impl Into<String>) -> Self {
        self.msg_id = Some(id.into());
        self
    }

    /// Takes the type of a message (MSGID) from the field with this key, such as `event.name`,
    /// where a record has it: the first 32 characters, with `_` for what is not printable ASCII.
    pub fn msg_id_field(mut self, key: impl Into<String>) -> Self {
        self.msg_id_field = Some(key.into());
        self
    }

    /// The element of structured data that holds fields (SD-ID): `name@number` with the enterprise
    /// number that IANA gave your organisation; by default `fields@32473`, the number for examples.
    /// What is known of a record besides fields goes to `record@` and the same number.
    pub fn sd_id(mut self, id: impl Into<String>) -> Self {
        self.sd_id = id.into();
        self
    }

    /// Whether a byte order mark stands before messages with characters beyond ASCII, as RFC 5424
    /// demands; on by default. Some servers keep it in the text.
    pub fn bom(mut self, on: bool) -> Self {
        self.bom = on;
        self
    }

    /// Whether text that reads like a number, `true`, `false`, `null` or JSON is written in quotes,
    /// so that a field's type can be told from its value; off by default, so that `order="42"` is
    /// what a rule on the server expects. RFC 5424 only: RFC 3164 messages always have the quotes.
    pub fn typed(mut self, on: bool) -> Self {
        self.typed = on;
        self
    }

    /// Whether the record's sequence number is sent, as `sequenceId` of the element `meta`
    /// (RFC 5424 only); on by default.
    pub fn sequence(mut self, on: bool) -> Self {
        self.sequence = on;
        self
    }

    /// Whether to send where in the source the record comes from; off by default.
    pub fn site(mut self, on: bool) -> Self {
        self.site = on;
        self
    }

    /// Most bytes of a message, framing not counted; longer ones are cut. At least 480, which every
    /// receiver must accept, and more where names in the header are long; at most 65,487 over UDP
    /// and 1,048,576 elsewhere. By default 1,180 over UDP, which passes every network in one
    /// packet, and 8,192 elsewhere.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.max_message = Some(bytes);
        self
    }

    /// How many bytes that the other end's kernel acknowledged are sent again after the other end
    /// closed the connection, or it broke; by default none.
    ///
    /// The kernel acknowledges what the server has not read yet; when the server ends, or something
    /// in between breaks the connection, that may be lost. Sending the last bytes once more trades
    /// that loss for duplicates: as many as the server's receive buffer and its own hold (some
    /// megabytes) loses nothing, and brings everything of these that had been processed twice.
    /// Memory for them, twice at most, is kept all the time.
    pub fn resend(mut self, bytes: u64) -> Self {
        self.resend = bytes;
        self
    }

    /// How long an attempt to connect may take, TLS included; by default 5 s. It is made in the
    /// background: a write waits for one second of it at most, and only while none has failed.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// How long a write waits for a server that takes nothing; by default 5 s. The connection
    /// stays, and the records are tried again.
    pub fn write_timeout(mut self, time: Duration) -> Self {
        self.write_timeout = time;
        self
    }

    /// How long a flush waits for acknowledgements; by default 5 s.
    pub fn flush_timeout(mut self, time: Duration) -> Self {
        self.flush_timeout = time;
        self
    }

    /// The sink. Nothing is connected yet: that happens with the first record, and a server that
    /// is away is no error here.
    ///
    /// # Errors
    /// When a setting makes no sense, or a file of the TLS settings can't be used.
    pub fn build(self) -> Result<SyslogSink, Error> {
        let protocol = self.protocol.unwrap_or(self.transport.usual_protocol());
        let names = Names {
            app_name: self.app_name.as_deref(),
            host_name: self.host_name.as_deref(),
            proc_id: self.proc_id.as_deref(),
        };
        let origin = Origin::new(protocol, self.transport.is_local(), names)?;
        let form = self.form(protocol, &origin)?;
        let max_message = self.limit(&origin)?;
        for (name, time) in [
            ("connect_timeout", self.connect_timeout),
            ("write_timeout", self.write_timeout),
            ("flush_timeout", self.flush_timeout),
        ] {
            if time.is_zero() || time > Duration::from_secs(3600) {
                return Err(Error::config(format!(
                    "{name} is {time:?}, must be more than 0 and at most an hour"
                )));
            }
        }
        if self.framing.is_some() && !self.transport.is_stream() {
            return Err(Error::config(format!("framing is set, but {} has none", self.transport))
                .with_hint("each datagram is one message"));
        }
        if self.resend > 0 && !self.transport.is_stream() {
            return Err(Error::config(format!(
                "resend is set, but nobody acknowledges what goes to {}",
                self.transport
            )));
        }
        let stats = SyslogStats::default();
        let durability = match &self.transport.0 {
            Way::Udp(_) => Durability::Memory,
            _ => Durability::PageCache,
        };
        let name = self.transport.to_string();
        let way = self.out(max_message, stats.clone())?;
        Ok(SyslogSink { name, form, origin, way, stats, durability })
    }

    fn form(&self, protocol: Protocol, origin: &Origin) -> Result<Form, Error> {
        let header = Header { facility: self.facility, origin: origin.render() };
        if protocol == Protocol::Rfc3164 {
            let text = TextEncoder::builder().site(self.site).build()?;
            let zone = TimeZone::system();
            return Ok(Form::Rfc3164(Rfc3164 { header, zone, text, parts: Parts3164::default() }));
        }
        let fixed = self.msg_id.clone().unwrap_or_else(|| "-".to_owned());
        check("msg_id", &fixed, MAX_MESSAGE_ID)?;
        Ok(Form::Rfc5424(Rfc5424 {
            header,
            message_id: MessageId { fixed, field: self.msg_id_field.clone() },
            record_id: self.record_id()?,
            fields_id: self.sd_id.clone(),
            bom: self.bom,
            typed: self.typed,
            sequence: self.sequence,
            site: self.site,
            parts: Parts5424::default(),
        }))
    }

    /// The element beside that of the fields.
    fn record_id(&self) -> Result<String, Error> {
        let id = &self.sd_id;
        let wrong = |why: &str| {
            Err(Error::config(format!("sd_id {id:?} {why}"))
                .with_hint("name@number, such as fields@32473"))
        };
        let in_name = |c: char| c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"' | '@');
        let Some((name, number)) = id.split_once('@') else {
            return wrong("has no enterprise number behind an @");
        };
        if name.is_empty() || !name.chars().all(in_name) {
            return wrong("has no name of printable ASCII without = ] \" and @");
        }
        let in_number = |c: char| c.is_ascii_digit() || c == '.';
        if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.chars().all(in_number) {
            return wrong("has no enterprise number behind the @");
        }
        if name == "record" {
            return wrong("is where the sink puts what is known of a record besides its fields");
        }
        if id.len() > 32 || number.len() > 25 {
            return wrong("is too long: at most 32 characters, 25 of them the number");
        }
        Ok(format!("record@{number}"))
    }

    fn limit(&self, origin: &Origin) -> Result<usize, Error> {
        let (usual, most) = match &self.transport.0 {
            Way::Udp(_) => (UDP_MESSAGE, MAX_UDP_MESSAGE),
            _ => (STREAM_MESSAGE, MAX_MESSAGE),
        };
        let limit = self.max_message.unwrap_or(usual);
        // Priority, version, time and type stand around the origin.
        let header = "<191>1  ".len() + 27 + origin.render().len() + MAX_MESSAGE_ID + " ".len();
        let least = LEAST_MESSAGE.max(header + LEAST_ROOM);
        if (least..=most).contains(&limit) {
            return Ok(limit);
        }
        Err(Error::config(format!(
            "max_message is {limit}, must be at least {least} and at most {most} with this header"
        )))
    }

    fn out(&self, max_message: usize, stats: SyslogStats) -> Result<Out, Error> {
        let name = self.transport.to_string();
        let patience = self.connect_timeout;
        let resolver = |address: &str, port| Address::parse(address, port).map(Resolver::new);
        let connecting = match &self.transport.0 {
            Way::Udp(address) => {
                let resolver = resolver(address, 514)?;
                let opening = Background::new(move || open::udp(&resolver));
                return Ok(self.datagrams(name, max_message, opening, stats));
            }
            Way::Unix(path) => {
                check_path(path)?;
                let path = path.clone();
                let opening = Background::new(move || open::unix(&path));
                return Ok(self.datagrams(name, max_message, opening, stats));
            }
            Way::UnixStream(path) => {
                check_path(path)?;
                let path = path.clone();
                Background::new(move || open::unix_stream(&path))
            }
            Way::Tcp(address) => {
                let resolver = resolver(address, 601)?;
                Background::new(move || open::tcp(&resolver, patience))
            }
            Way::Secure(_, address, secure) => {
                let (resolver, secure) = (resolver(address, 6514)?, Arc::clone(secure));
                secure.check(&resolver.address().host)?;
                Background::new(move || {
                    let mut link = open::tcp(&resolver, patience)?;
                    secure.secure(&resolver.address().host, &mut link, patience)?;
                    Ok(link)
                })
            }
        };
        let options = StreamOptions {
            name,
            framing: self.framing.unwrap_or(self.transport.usual_framing()),
            max_message,
            resend: self.resend,
            write_timeout: self.write_timeout,
            flush_timeout: self.flush_timeout,
        };
        Ok(Out::Stream(Box::new(Stream::new(options, connecting, stats))))
    }

    fn datagrams(
        &self,
        name: String,
        max_message: usize,
        opening: Background<crate::net::datagrams::Socket>,
        stats: SyslogStats,
    ) -> Out {
        let datagrams = Datagrams::new(name, max_message, self.write_timeout, opening, stats);
        Out::Datagrams(Box::new(datagrams))
    }
}
