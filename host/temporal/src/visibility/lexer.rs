//! Cuts a query's text into words, values and signs, as SQL does.

use super::BadQuery;
use std::iter::Peekable;
use std::str::CharIndices;

/// A piece of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A field or a keyword, as it was written.
    Word(String),
    /// A word between backquotes, which is no keyword.
    Quoted(String),
    /// A text between quotes.
    Text(String),
    /// A number, as it was written.
    Number(String),
    /// `(`, `)`, `,`, or an operator.
    Sign(&'static str),
}

/// A piece, and how many characters of the query there are up to its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) token: Token,
    pub(super) end: usize,
}

/// Signs, longer ones before those that they begin with.
const SIGNS: [&str; 17] =
    ["<=>", "!=", "<>", "<=", ">=", "&&", "||", "=", "<", ">", "(", ")", ",", "+", "-", "!", ";"];

/// The pieces of that text, up to what is no piece of any query, and what is said of that; `before` is what Temporal counts in front of it.
pub(super) fn pieces(text: &str, before: usize) -> (Vec<Piece>, Option<BadQuery>) {
    let mut pieces = Vec::new();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else { return (pieces, None) };
        if let Some(length) = skipped(rest, first) {
            at += length;
            continue;
        }
        let (token, length) = match token(rest, first) {
            Ok(token) => token,
            Err((length, near)) => {
                return (pieces, Some(BadQuery::Syntax { position: before + at + length, near }));
            }
        };
        at += length;
        pieces.push(Piece { token, end: at });
    }
}

/// The length of a space or a comment.
fn skipped(rest: &str, first: char) -> Option<usize> {
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if rest.starts_with("--") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let comment = rest.strip_prefix("/*")?;
    comment.find("*/").map(|end| end + 4)
}

/// What a text begins with, and its length; or how far it was read and what stands there.
fn token(rest: &str, first: char) -> Result<(Token, usize), (usize, Option<String>)> {
    match first {
        '\'' | '"' => quoted(rest, first).map(|(text, length)| (Token::Text(text), length)),
        '`' => quoted(rest, first).map(|(word, length)| (Token::Quoted(word), length)),
        '0'..='9' => {
            let length = number_length(rest);
            match rest[length..].chars().next() {
                Some(c) if is_in_word(c) => Err((length, Some(rest[..length].into()))),
                _ => Ok((Token::Number(rest[..length].into()), length)),
            }
        }
        c if c.is_ascii_alphabetic() || c == '_' => {
            let length = rest.find(|c: char| !is_in_word(c) && c != '.').unwrap_or(rest.len());
            Ok((Token::Word(rest[..length].into()), length))
        }
        other => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => Ok((Token::Sign(sign), sign.len())),
            None if other.is_ascii() => Err((1, (other == '$').then(|| other.into()))),
            // Temporal looks at bytes, and this is what is left of half a character.
            None => Err((1, Some(char::REPLACEMENT_CHARACTER.into()))),
        },
    }
}

fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

/// `12`, `12.5`, `12e5`.
fn number_length(rest: &str) -> usize {
    let mut length = digits(rest);
    if rest[length..].starts_with('.') {
        length += 1 + digits(&rest[length + 1..]);
    }
    if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let count = digits(unsigned);
        if count > 0 {
            length += 1 + exponent.len() - unsigned.len() + count;
        }
    }
    length
}

/// What stands between quotes, and how many bytes it takes with them. A quote in it is doubled, or has a backslash before it.
fn quoted(text: &str, quote: char) -> Result<(String, usize), (usize, Option<String>)> {
    let mut inside = String::new();
    let mut chars: Peekable<CharIndices<'_>> = text.char_indices().peekable();
    chars.next();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        match (c, next) {
            ('\\', Some(escaped)) if quote != '`' => {
                inside.push(unescaped(escaped));
                chars.next();
            }
            (c, Some(next)) if c == quote && next == quote => {
                inside.push(quote);
                chars.next();
            }
            (c, _) if c == quote => return Ok((inside, at + c.len_utf8())),
            (c, _) => inside.push(c),
        }
    }
    Err((text.len(), Some(inside)))
}

/// What stands for that character after a backslash.
fn unescaped(escaped: char) -> char {
    match escaped {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        '0' => '\0',
        'Z' => '\u{1a}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        let (pieces, broken) = pieces(text, 0);
        assert_eq!(broken, None);
        pieces.into_iter().map(|piece| piece.token).collect()
    }

    #[test]
    fn quotes_numbers_and_signs() {
        let text = |text: &str| Token::Text(text.into());
        let number = |text: &str| Token::Number(text.into());
        assert_eq!(tokens("'it''s'\"a\\\"b\""), [text("it's"), text("a\"b")]);
        assert_eq!(tokens("'' 'a\\nb'"), [text(""), text("a\nb")]);
        assert_eq!(tokens("`a``b`"), [Token::Quoted("a`b".into())]);
        let word = Token::Word("A.b".into());
        assert_eq!(tokens("A.b>=-5"), [word, Token::Sign(">="), Token::Sign("-"), number("5")]);
        assert_eq!(tokens("1.5 2e5 3.e-1"), [number("1.5"), number("2e5"), number("3.e-1")]);
        assert_eq!(tokens(" /* no */ 'a' -- nothing"), [text("a")]);
        for bad in ["'open", "`open", "\"open\\", "A ~ 1", "é", "1a", "/* open"] {
            assert!(pieces(bad, 0).1.is_some(), "{bad}");
        }
    }
}
