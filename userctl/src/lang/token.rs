// SPDX-License-Identifier: GPL-2.0
//! Tokens, as nft's scanner cuts them.
//!
//! Words are not told from keywords here: which words mean something depends on where they stand, and
//! the parser knows. Only the operators that are words (`and`, `eq`, …) are reserved everywhere.

use logos::Logos;

use crate::source::Span;

/// What a token is.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
#[logos(skip r"[ \t]+")]
#[logos(skip r"\\\n")]
pub(crate) enum TokenKind {
    #[token("\n")]
    Newline,
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Comment,
    #[token(";")]
    Semicolon,
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token("[")]
    LBracket,
    #[token("]")]
    RBracket,
    #[token(",")]
    Comma,
    #[token(".", priority = 20)]
    Dot,
    #[token(":")]
    Colon,
    #[token("==")]
    #[token("eq", priority = 20)]
    Eq,
    #[token("!=")]
    #[token("ne", priority = 20)]
    Ne,
    #[token("<")]
    #[token("lt", priority = 20)]
    Lt,
    #[token("<=")]
    #[token("le", priority = 20)]
    Le,
    #[token(">")]
    #[token("gt", priority = 20)]
    Gt,
    #[token(">=")]
    #[token("ge", priority = 20)]
    Ge,
    #[token("<<")]
    #[token("lshift", priority = 20)]
    Shl,
    #[token(">>")]
    #[token("rshift", priority = 20)]
    Shr,
    #[token("^")]
    #[token("xor", priority = 20)]
    Caret,
    #[token("&")]
    #[token("and", priority = 20)]
    Amp,
    #[token("|")]
    #[token("or", priority = 20)]
    Pipe,
    #[token("!")]
    #[token("not", priority = 20)]
    Not,
    #[token("/")]
    Slash,
    #[token("-")]
    Dash,
    #[token("+")]
    Plus,
    #[token("*")]
    Star,
    #[token("@")]
    At,
    #[token("$")]
    Dollar,
    #[token("=")]
    Assign,
    /// A decimal, octal (leading 0) or hexadecimal number.
    #[regex(r"[0-9]+", priority = 10)]
    #[regex(r"0[xX][0-9a-fA-F]+", priority = 10)]
    Number,
    /// An IPv4, IPv6 or link layer address; IPv6 may be in brackets. Only roughly: the reader of the
    /// address checks it.
    #[regex(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}", priority = 12)]
    #[regex(r"([0-9a-fA-F]{0,4}:){2,8}[0-9a-fA-F]{0,4}", priority = 12)]
    #[regex(
        r"([0-9a-fA-F]{0,4}:){2,8}[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}",
        priority = 12
    )]
    #[regex(r"\[([0-9a-fA-F]{0,4}:){2,8}[0-9a-fA-F.]*\]", priority = 12)]
    Address,
    /// A time such as `1h30m`, or a word that begins with a digit (`8021q`).
    #[regex(r"[0-9]+d([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?", priority = 11)]
    #[regex(r"[0-9]+h([0-9]+m)?([0-9]+s)?([0-9]+ms)?", priority = 11)]
    #[regex(r"[0-9]+m([0-9]+s)?([0-9]+ms)?", priority = 11)]
    #[regex(r"[0-9]+s([0-9]+ms)?", priority = 11)]
    #[regex(r"[0-9]+ms", priority = 11)]
    #[token("8021q", priority = 20)]
    #[token("8021ad", priority = 20)]
    Time,
    #[regex(r"[a-zA-Z_.][a-zA-Z0-9/\-_.]*", priority = 9)]
    Word,
    /// A traffic class such as `1:f`. Only [`Cutter`] sees it: it becomes an address, or three tokens.
    #[regex(r"[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}", priority = 12)]
    Classid,
    #[regex("\"[^\"]*\"")]
    Quoted,
    /// A word with an asterisk at its end, or with an escaped one.
    #[regex(r"[a-zA-Z_.][a-zA-Z0-9/\-_.]*\*", priority = 9)]
    #[regex(
        r"[a-zA-Z_.][a-zA-Z0-9/\-_.]*\\\*([a-zA-Z_.][a-zA-Z0-9/\-_.]*)?",
        priority = 9
    )]
    #[token(r"\*")]
    Wild,
    #[token("\r\n")]
    Crlf,
    /// Anything that no token begins with.
    Junk,
    /// The end of the file.
    End,
}

/// A token and where it is, in positions of the source map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// How far a text was cut into tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cutter {
    /// Offset of what comes next.
    at: usize,
    line_is_empty: bool,
    only_comment: bool,
    over: bool,
}

impl Default for Cutter {
    fn default() -> Self {
        Cutter {
            at: 0,
            line_is_empty: true,
            only_comment: false,
            over: false,
        }
    }
}

impl Cutter {
    /// Appends about `count` more tokens of `text`, whose first position is `base`, or what there is. The last of
    /// all is [`TokenKind::End`].
    ///
    /// Comments are gone, and a line that holds nothing else is gone with its newline, as in nft.
    pub(crate) fn cut(&mut self, text: &str, base: u32, count: usize, tokens: &mut Vec<Token>) {
        let enough = tokens.len().saturating_add(count);
        let mut lexer = TokenKind::lexer(text);
        lexer.bump(self.at);
        while tokens.len() < enough {
            let Some(result) = lexer.next() else {
                self.end(text, base, tokens);
                return;
            };
            let mut kind = result.unwrap_or(TokenKind::Junk);
            let mut range = lexer.span();
            if kind == TokenKind::Classid {
                if ends_classid(text, range.end) {
                    kind = TokenKind::Address;
                } else {
                    // `80:accept`: what is before the colon, and then the rest anew.
                    let colon = range.start + text[range.clone()].find(':').unwrap_or_default();
                    kind = first_kind(&text[range.start..colon]);
                    range.end = colon;
                    lexer = TokenKind::lexer(text);
                    lexer.bump(colon);
                }
            }
            self.at = range.end;
            match kind {
                TokenKind::Comment => self.only_comment = self.line_is_empty,
                TokenKind::Newline if self.only_comment => self.only_comment = false,
                _ => {
                    let span = Span::new(base + range.start as u32, base + range.end as u32);
                    self.line_is_empty = kind == TokenKind::Newline;
                    tokens.push(Token { kind, span });
                }
            }
        }
    }

    /// Appends the end, once.
    fn end(&mut self, text: &str, base: u32, tokens: &mut Vec<Token>) {
        if !std::mem::replace(&mut self.over, true) {
            self.at = text.len();
            let end = base + text.len() as u32;
            tokens.push(Token {
                kind: TokenKind::End,
                span: Span::new(end, end),
            });
        }
    }
}

/// What nft wants behind a traffic class, to tell it from a map's element without spaces.
fn ends_classid(text: &str, end: usize) -> bool {
    let next = text.as_bytes().get(end);
    next.is_none() || matches!(next, Some(b' ' | b'\t' | b'\n' | b':' | b'-' | b'}' | b','))
}

/// The kind of a text that is one token: a number, a time or a word.
fn first_kind(text: &str) -> TokenKind {
    match TokenKind::lexer(text).next() {
        Some(Ok(kind)) => kind,
        _ => TokenKind::Junk,
    }
}

impl TokenKind {
    /// The token in words, for "expected …".
    pub(crate) fn describe(self) -> &'static str {
        match self {
            TokenKind::Newline => "end of line",
            TokenKind::Semicolon => "`;`",
            TokenKind::LBrace => "`{`",
            TokenKind::RBrace => "`}`",
            TokenKind::LParen => "`(`",
            TokenKind::RParen => "`)`",
            TokenKind::Comma => "`,`",
            TokenKind::Assign => "`=`",
            TokenKind::Number => "a number",
            TokenKind::Word => "a name",
            TokenKind::Quoted => "a string in quotes",
            TokenKind::Crlf => "a DOS line end",
            TokenKind::End => "end of file",
            _ => "this",
        }
    }
}
