//! The expressions of CrowdSec's scenarios (expr-lang), as far as scenarios use them.

/// What an expression consists of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Text(String),
    Number(f64),
    Bool(bool),
    Nil,
    List(Vec<Expr>),
    /// `evt.Meta.source_ip`, `evt.Time.Hour()`, `queue.Queue[0].Meta.exe`; `?.` is `.`.
    Path(String),
    Call(String, Vec<Expr>),
    Closure(Box<Expr>),
    /// `#`, or with what follows it: `#.Meta.exe`, `.Meta.exe`.
    Element(String),
    Not(Box<Expr>),
    Binary(String, Box<Expr>, Box<Expr>),
}

pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let expr = parser.expr(0)?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(format!("syntax: unexpected {token:?}")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
}

/// Longest first.
const SIGNS: [&str; 29] = [
    "&&", "||", "==", "!=", "<=", ">=", "?.", "??", "**", "..", "<", ">", "!", "(", ")", "[", "]",
    "{", "}", ",", ".", "#", "+", "-", "*", "/", "%", "?", ":",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let run = |test: fn(char) -> bool| rest.find(|c| !test(c)).unwrap_or(rest.len());
        if matches!(first, '\'' | '"' | '`') {
            let (text, length) = quoted(rest, first)?;
            tokens.push(Token::Text(text));
            rest = &rest[length..];
        } else if first.is_ascii_digit() {
            let length = run(|c| c.is_ascii_digit() || c == '.');
            let number =
                rest[..length].parse().map_err(|_| format!("number {}", &rest[..length]))?;
            tokens.push(Token::Number(number));
            rest = &rest[length..];
        } else if first.is_alphabetic() || first == '_' {
            let length = run(|c| c.is_alphanumeric() || c == '_');
            tokens.push(Token::Word(rest[..length].to_owned()));
            rest = &rest[length..];
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| format!("syntax: unexpected `{first}`"))?;
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        }
    }
}

/// A quoted text, and how many bytes it takes.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((text, at + 1)),
            '\\' if quote != '`' => match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, c)) => text.push(c),
                None => break,
            },
            c => text.push(c),
        }
    }
    Err("syntax: a text without end".into())
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Sign(have)) if *have == sign);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.takes(sign) {
            Ok(())
        } else {
            Err(format!("syntax: expected `{sign}`, not {:?}", self.peek()))
        }
    }

    /// The binary operator that comes next, and how strongly it binds.
    fn operator(&self) -> Option<(&str, u8)> {
        let name = match self.peek()? {
            Token::Sign(sign) => sign,
            Token::Word(word) => word.as_str(),
            _ => return None,
        };
        Some(match name {
            "||" | "or" => ("or", 1),
            "&&" | "and" => ("and", 2),
            "==" | "!=" | "<" | ">" | "<=" | ">=" | "in" | "contains" | "matches"
            | "startsWith" | "endsWith" | "not" => (name, 3),
            "+" | "-" => (name, 4),
            _ => return None,
        })
    }

    fn expr(&mut self, least: u8) -> Result<Expr, String> {
        let mut left = self.unary()?;
        while let Some((name, strength)) = self.operator() {
            if strength < least {
                break;
            }
            let mut name = name.to_owned();
            self.at += 1;
            // `a not contains b`
            let negated = name == "not";
            if negated {
                name = self.operator().ok_or("syntax: `not` without operator")?.0.to_owned();
                self.at += 1;
            }
            let right = self.expr(strength + 1)?;
            left = Expr::Binary(name, Box::new(left), Box::new(right));
            if negated {
                left = Expr::Not(Box::new(left));
            }
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        let not = matches!(self.peek(), Some(Token::Word(word)) if word == "not");
        if not || matches!(self.peek(), Some(Token::Sign("!"))) {
            self.at += 1;
            return Ok(Expr::Not(Box::new(self.unary()?)));
        }
        if self.takes("-") {
            return match self.unary()? {
                Expr::Number(number) => Ok(Expr::Number(-number)),
                other => Err(format!("syntax: minus before {other:?}")),
            };
        }
        let token = self.peek().cloned().ok_or("syntax: the expression ends too early")?;
        self.at += 1;
        match token {
            Token::Text(text) => Ok(Expr::Text(text)),
            Token::Number(number) => Ok(Expr::Number(number)),
            Token::Word(word) => self.word(word),
            Token::Sign("(") => {
                let inner = self.expr(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("[") => Ok(Expr::List(self.list("]")?)),
            Token::Sign("{") => {
                let inner = self.expr(0)?;
                self.expect("}")?;
                Ok(Expr::Closure(Box::new(inner)))
            }
            Token::Sign("#") => Ok(Expr::Element(self.steps(String::new())?)),
            Token::Sign(".") => {
                self.at -= 1;
                Ok(Expr::Element(self.steps(String::new())?))
            }
            Token::Sign(sign) => Err(format!("syntax: unexpected `{sign}`")),
        }
    }

    fn word(&mut self, word: String) -> Result<Expr, String> {
        match word.as_str() {
            "true" => return Ok(Expr::Bool(true)),
            "false" => return Ok(Expr::Bool(false)),
            "nil" | "null" => return Ok(Expr::Nil),
            _ => {}
        }
        if self.takes("(") {
            return Ok(Expr::Call(word, self.list(")")?));
        }
        Ok(Expr::Path(self.steps(word)?))
    }

    /// The rest of a path.
    fn steps(&mut self, mut path: String) -> Result<String, String> {
        loop {
            if self.takes(".") || self.takes("?.") {
                let Some(Token::Word(word)) = self.peek().cloned() else {
                    return Err("syntax: expected a name after `.`".into());
                };
                self.at += 1;
                path += ".";
                path += &word;
                if self.takes("(") {
                    self.expect(")").map_err(|_| format!("method `{word}` with arguments"))?;
                    path += "()";
                }
            } else if self.takes("[") {
                match self.peek().cloned() {
                    Some(Token::Text(key)) => path += &format!(".{key}"),
                    Some(Token::Number(index)) => path += &format!("[{index}]"),
                    other => return Err(format!("syntax: unexpected index {other:?}")),
                }
                self.at += 1;
                self.expect("]")?;
            } else {
                return Ok(path);
            }
        }
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expr>, String> {
        let mut list = Vec::new();
        while !self.takes(end) {
            list.push(self.expr(0)?);
            if !self.takes(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(list)
    }
}
