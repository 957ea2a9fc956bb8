//! An argument of a program.

use prisma_log_core::Error;
use prisma_log_monitor::Message;

use crate::template::Template;
use crate::text::{clean, cut};

/// Longest value, in bytes: the kernel refuses arguments of more than 128 KiB.
const LONGEST: usize = 8 << 10;

/// An argument with placeholders.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    template: Template,
    /// Whether a `-` that a value begins with would make an option of it.
    is_guarded: bool,
}

impl Argument {
    pub(super) fn all(texts: &[String]) -> Result<Vec<Self>, Error> {
        let end_of_options = texts.iter().position(|text| text == "--").unwrap_or(texts.len());
        let arguments = texts.iter().enumerate().map(|(index, text)| {
            let what = format!("argument {}", index + 1);
            if text.contains('\0') {
                return Err(Error::config(format!("{what} has a NUL byte in it")));
            }
            let template = Template::new(text, &what)?;
            let is_guarded = index < end_of_options && template.begins_with_fact();
            Ok(Argument { template, is_guarded })
        });
        arguments.collect()
    }

    pub(super) fn render(&self, message: &Message) -> String {
        let text = fitting(&self.template.render(message));
        if self.is_guarded && text.starts_with('-') { format!(" {text}") } else { text }
    }
}

/// A value as it may be handed to a program: no NUL, no control characters, not too long.
pub(super) fn fitting(text: &str) -> String {
    cut(&clean(text), LONGEST)
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Timestamp;

    use super::*;

    #[test]
    fn what_a_log_says_is_no_option() {
        let mut message = Message::test("ops", Timestamp::UNIX_EPOCH);
        message.group = [("k", "-rf")].into_iter().collect();
        let check = |texts: &[&str], expect: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            let all = Argument::all(&texts).unwrap();
            let rendered: Vec<String> = all.iter().map(|one| one.render(&message)).collect();
            assert_eq!(rendered, expect);
        };
        check(&["{{group.k}}"], &[" -rf"]);
        check(&["--", "{{group.k}}"], &["--", "-rf"]);
        check(&["{{group.k}}", "--", "{{group.k}}"], &[" -rf", "--", "-rf"]);
        check(&["-k={{group.k}}", "-x"], &["-k=-rf", "-x"]);
        message.group = [("k", "a b'\";$(reboot)\0\n`x`\u{1b}")].into_iter().collect();
        let texts = ["x{{group.k}}".to_owned()];
        let rendered = Argument::all(&texts).unwrap()[0].render(&message);
        assert_eq!(rendered, "xa b'\";$(reboot)\u{fffd}\n`x`\\u{1b}");
        assert!(Argument::all(&["{{nope}}".to_owned()]).is_err());
        assert!(Argument::all(&["a\0".to_owned()]).is_err());
    }
}
