//! Errors on stderr: with the lines that they are about, when they are about a file.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use prisma_log_core::{Error, Place};

/// Prints an error; when it is about a place in a file, with that line of the file.
pub(crate) fn print(error: &Error) {
    show(Level::ERROR, error);
}

/// The same for what is no mistake.
pub(crate) fn warn(warning: &Error) {
    show(Level::WARNING, warning);
}

/// The same for what is only good to know.
pub(crate) fn note(note: &Error) {
    show(Level::INFO, note);
}

fn show(level: Level<'static>, error: &Error) {
    let source = error.place().and_then(|place| {
        let text = std::fs::read_to_string(&place.file).ok()?;
        let span = token_at(&text, place)?;
        Some((place, text, span))
    });
    let rendered = match &source {
        Some((place, text, span)) => in_source(level, error, place, text, span.clone()),
        None => {
            let title = level.primary_title(error.to_string());
            Renderer::styled().render(&[Group::with_title(title)])
        }
    };
    anstream::eprintln!("{rendered}");
}

fn in_source(
    level: Level<'static>,
    error: &Error,
    place: &Place,
    text: &str,
    span: Range<usize>,
) -> String {
    let snippet = Snippet::source(text)
        .path(place.file.to_string_lossy())
        .annotation(AnnotationKind::Primary.span(span));
    let mut group = level.primary_title(message(error)).element(snippet);
    if let Some(hint) = error.hint() {
        group = group.element(Level::HELP.message(hint));
    }
    Renderer::styled().render(&[group])
}

/// The message and its causes; place and hint are shown apart from it.
fn message(error: &Error) -> String {
    let mut message = error.message().to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        // An error of ours has told its own causes with that.
        source = if cause.is::<Error>() { None } else { cause.source() };
    }
    message
}

/// The bytes of the word that stands at a place; `None` when the text has no such line.
fn token_at(text: &str, place: &Place) -> Option<Range<usize>> {
    let above = (place.line as usize).checked_sub(1)?;
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(above).map(str::len).sum();
    let line = lines.next()?.trim_end_matches(['\n', '\r']);
    let column = (place.column as usize).saturating_sub(1);
    let start = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    let word = line[start..].find([' ', ':', ',', '#']).unwrap_or(line.len() - start);
    Some(before + start..before + start + word.max(usize::from(start < line.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_at_a_place() {
        let text = "a: 1\nbeta: two # é\n  é: x";
        let check = |line, column, expect: Option<&str>| {
            let place = Place { file: "f".into(), line, column };
            let found = token_at(text, &place).map(|span| &text[span]);
            assert_eq!(found, expect, "{line}:{column}");
        };
        check(1, 1, Some("a"));
        check(2, 1, Some("beta"));
        check(2, 7, Some("two"));
        check(3, 3, Some("é"));
        check(3, 99, Some(""));
        check(9, 1, None);
        check(0, 0, None);
    }
}
