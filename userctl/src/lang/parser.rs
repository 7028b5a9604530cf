// SPDX-License-Identifier: GPL-2.0
//! Tokens to syntax: the cursor, and what to do after a mistake.
//!
//! A parsing function that fails has either reported an error or met something unsupported
//! ([`Stop`]); the statement it was in is skipped to its end, with braces balanced, and parsing goes
//! on behind it.

mod block;
mod command;
mod element;
mod expr;
mod nat;
mod object;
mod path;
mod rule;
mod selector;
mod set;
mod show;
mod state;
mod statement;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::error::{SyntaxError, SyntaxErrorKind};
use super::include;
use super::syntax::{Expr, Ident, Name, Names, Script, Stmt, Text, Unsupported};
use super::token::{Cutter, Token, TokenKind};
use super::words;
use crate::source::{FileId, SourceMap, Span};

/// Why a statement was not parsed to its end.
enum Stop {
    /// An error was reported.
    Reported,
    /// It is valid in nft, but not supported.
    Unsupported(Unsupported),
}

type Parsed<T> = Result<T, Stop>;

/// How many tokens are cut at a time: a large file has millions.
const CUT: usize = 4096;

/// One file being read.
struct Input {
    file: FileId,
    cutter: Cutter,
    /// Those that were cut last.
    tokens: Vec<Token>,
    next: usize,
}

impl Input {
    fn new(file: FileId) -> Self {
        Input {
            file,
            cutter: Cutter::default(),
            tokens: Vec::with_capacity(CUT),
            next: 0,
        }
    }

    /// The token `ahead` places behind the next one.
    fn token(&mut self, ahead: usize, sources: &SourceMap) -> Option<Token> {
        if self.next + ahead >= self.tokens.len() {
            self.tokens.drain(..self.next);
            self.next = 0;
            let (text, base) = (sources.text(self.file), sources.base(self.file));
            self.cutter.cut(text, base, CUT, &mut self.tokens);
        }
        self.tokens.get(self.next + ahead).copied()
    }
}

struct Parser<'a> {
    sources: &'a mut SourceMap,
    /// The file that is read, and below it those that included it.
    inputs: Vec<Input>,
    names: Names,
    /// Variables of the file and of each block that is open.
    scopes: Vec<FxHashMap<Name, Arc<Expr>>>,
    errors: Vec<SyntaxError>,
    /// Braces that are open within the present statement.
    open_braces: u32,
    /// Where the token that was taken last ends.
    last_end: u32,
    /// Room for the statements of a rule.
    statements: Vec<Stmt>,
}

/// Parses files, one after the other, and everything that they include. The script is of use only if there are no errors.
pub(super) fn parse(sources: &mut SourceMap, files: &[FileId]) -> (Script, Vec<SyntaxError>) {
    let mut parser = Parser {
        sources,
        inputs: Vec::new(),
        names: Names::default(),
        scopes: vec![FxHashMap::default()],
        errors: Vec::new(),
        open_braces: 0,
        last_end: 0,
        statements: Vec::new(),
    };
    // The one that is pushed last is read first.
    files.iter().rev().for_each(|file| parser.push_input(*file));
    if parser.inputs.is_empty() {
        return (Script::default(), Vec::new());
    }
    let commands = parser.commands();
    let script = Script {
        names: parser.names,
        commands,
    };
    (script, parser.errors)
}

impl Parser<'_> {
    fn push_input(&mut self, file: FileId) {
        self.inputs.push(Input::new(file));
    }

    /// The next token. At the end of an included file, that of the including one.
    fn peek(&mut self) -> Token {
        loop {
            let depth = self.inputs.len();
            let token = self.inputs[depth - 1].token(0, self.sources);
            // There is always the end.
            let token = token.unwrap_or(Token {
                kind: TokenKind::End,
                span: Span::default(),
            });
            if token.kind != TokenKind::End || depth == 1 {
                return token;
            }
            self.inputs.pop();
        }
    }

    fn bump(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            if let Some(input) = self.inputs.last_mut() {
                input.next += 1;
            }
        }
        self.last_end = token.span.hi;
        token
    }

    fn at(&mut self, kind: TokenKind) -> bool {
        self.peek().kind == kind
    }

    /// Takes the next token if it is of this kind.
    fn eat(&mut self, kind: TokenKind) -> bool {
        let there = self.at(kind);
        if there {
            self.bump();
        }
        there
    }

    /// The next token's text if it is a word.
    fn peek_word(&mut self) -> Option<&str> {
        let token = self.peek();
        (token.kind == TokenKind::Word).then(|| self.sources.snippet(token.span))
    }

    /// The token behind the next one, if the same file has one.
    fn second(&mut self) -> Option<Token> {
        self.peek();
        self.inputs.last_mut()?.token(1, self.sources)
    }

    /// The text of the present file from the next token on.
    fn ahead(&mut self) -> &str {
        let from = self.peek().span.lo;
        let file = self.sources.file_at(from);
        let from = from.saturating_sub(self.sources.base(file)) as usize;
        self.sources.text(file).get(from..).unwrap_or_default()
    }

    /// The text of the token behind the next one if it is a word.
    fn second_word(&mut self) -> Option<&str> {
        let token = self.second()?;
        (token.kind == TokenKind::Word).then(|| self.sources.snippet(token.span))
    }

    fn at_word(&mut self, word: &str) -> bool {
        self.peek_word() == Some(word)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let there = self.at_word(word);
        if there {
            self.bump();
        }
        there
    }

    /// From `start` to the end of the token that was taken last.
    fn since(&self, start: Span) -> Span {
        // A span does not reach across files.
        Span::new(start.lo, self.last_end.max(start.hi))
    }

    fn expect(&mut self, kind: TokenKind, expected: &'static str) -> Parsed<Token> {
        if self.at(kind) {
            return Ok(self.bump());
        }
        Err(self.unexpected(expected, None))
    }

    fn expect_word(&mut self, word: &'static str, expected: &'static str) -> Parsed<Span> {
        if self.at_word(word) {
            return Ok(self.bump().span);
        }
        Err(self.unexpected(expected, None))
    }

    /// Takes whichever of `words` comes next, and says which.
    fn one_of(&mut self, words: &[&'static str]) -> Option<&'static str> {
        let next = self.peek_word()?;
        let word = words.iter().find(|word| **word == next).copied()?;
        self.bump();
        Some(word)
    }

    fn error(&mut self, kind: SyntaxErrorKind, span: Span) -> Stop {
        let error = SyntaxError {
            kind,
            span: Some(span),
        };
        // Two blocks that are not closed end at the same place.
        if self.errors.last() != Some(&error) {
            self.errors.push(error);
        }
        Stop::Reported
    }

    /// Reports that the next token is not what must come.
    fn unexpected(&mut self, expected: &'static str, hint: Option<&'static str>) -> Stop {
        let token = self.peek();
        let text = self.sources.snippet(token.span);
        let kind = match token.kind {
            TokenKind::Junk if text.starts_with('"') => SyntaxErrorKind::OpenString,
            TokenKind::Junk => SyntaxErrorKind::Stray(format!("{text:?}")),
            TokenKind::Crlf => SyntaxErrorKind::Crlf,
            TokenKind::Newline | TokenKind::End => SyntaxErrorKind::Expected {
                expected,
                found: token.kind.describe().to_owned(),
                hint,
            },
            _ => SyntaxErrorKind::Expected {
                expected,
                found: format!("`{text}`"),
                hint,
            },
        };
        let span = match token.kind {
            // A line's end is a place, not what lies on both sides of it.
            TokenKind::Newline | TokenKind::Crlf => Span::new(token.span.lo, token.span.lo),
            // A string that is not closed reaches to the end of the file: one line will do.
            TokenKind::Junk => {
                let line = text.find('\n').unwrap_or(text.len());
                Span::new(token.span.lo, token.span.lo + line as u32)
            }
            _ => token.span,
        };
        let again = kind == SyntaxErrorKind::Crlf && self.errors.iter().any(|e| e.kind == kind);
        if again {
            // Once is enough for a file: all its lines will be alike.
            return Stop::Reported;
        }
        self.error(kind, span)
    }

    fn unsupported<T>(&mut self, feature: &str, hint: &'static str, span: Span) -> Parsed<T> {
        let feature = self.names.intern(feature);
        Err(Stop::Unsupported(Unsupported {
            feature,
            hint,
            span,
        }))
    }

    fn intern(&mut self, span: Span) -> Name {
        self.names.intern(self.sources.snippet(span))
    }

    /// A name that somebody may choose: no reserved word.
    fn ident(&mut self, expected: &'static str) -> Parsed<Ident> {
        let Some(word) = self.peek_word() else {
            return Err(self.unexpected(expected, None));
        };
        if words::role(word).is_some() && word != "last" {
            let kind = SyntaxErrorKind::Reserved(word.to_owned());
            let span = self.peek().span;
            return Err(self.error(kind, span));
        }
        let span = self.bump().span;
        Ok(Ident {
            name: self.intern(span),
            span,
        })
    }

    /// A word that the next stage looks up, reserved or not.
    fn any_word(&mut self, expected: &'static str) -> Parsed<Ident> {
        let span = self.expect(TokenKind::Word, expected)?.span;
        Ok(Ident {
            name: self.intern(span),
            span,
        })
    }

    /// A string, in quotes or not (`comment`, `include`).
    fn text(&mut self, expected: &'static str) -> Parsed<Text> {
        let token = self.peek();
        let span = match token.kind {
            TokenKind::Quoted => Span::new(token.span.lo + 1, token.span.hi - 1),
            TokenKind::Word | TokenKind::Wild => token.span,
            _ => return Err(self.unexpected(expected, Some("write it in double quotes"))),
        };
        self.bump();
        Ok(Text {
            text: self.intern(span),
            span: token.span,
        })
    }

    fn number(&mut self, expected: &'static str) -> Parsed<u64> {
        let token = self.expect(TokenKind::Number, expected)?;
        match self.number_value(token.span) {
            Some(value) => Ok(value),
            None => Err(self.error(SyntaxErrorKind::NumberTooLarge, token.span)),
        }
    }

    /// The number's value: hexadecimal behind `0x`, octal behind `0`, as in C.
    fn number_value(&self, span: Span) -> Option<u64> {
        let text = self.sources.snippet(span);
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            return u64::from_str_radix(digits, 16).ok();
        }
        if text.len() > 1 && text.starts_with('0') {
            return u64::from_str_radix(text, 8).ok();
        }
        text.parse().ok()
    }

    /// Takes the end of a statement: a newline or `;`. A block's `}` may follow without one.
    fn separator(&mut self) -> bool {
        let token = self.peek();
        match token.kind {
            TokenKind::Newline | TokenKind::Semicolon => {
                self.bump();
                true
            }
            TokenKind::End => true,
            _ => false,
        }
    }

    /// Takes the end of a statement, or reports that it is missing and skips to it.
    fn end_of_statement(&mut self) {
        if !self.separator() {
            let _ = self.unexpected(
                "end of line or `;`",
                Some("each statement and each block `}` ends with a newline or `;`"),
            );
            self.skip_statement();
        }
    }

    /// Skips to the end of the statement and takes it: past a newline or `;` that is in no braces, or
    /// up to the brace that closes the block.
    fn skip_statement(&mut self) {
        let mut depth = std::mem::take(&mut self.open_braces);
        loop {
            match self.peek().kind {
                TokenKind::End => return,
                TokenKind::LBrace => depth += 1,
                TokenKind::RBrace if depth == 0 => return,
                TokenKind::RBrace => depth -= 1,
                TokenKind::Newline | TokenKind::Semicolon if depth == 0 => {
                    self.bump();
                    return;
                }
                _ => {}
            }
            self.bump();
        }
    }

    /// `include`, `define`, `redefine` and `undefine`, which may stand in any block. `false` if the
    /// next word is none of them.
    fn common(&mut self) -> bool {
        let Some(word) = self.peek_word() else {
            return false;
        };
        let result = match word {
            "include" => self.include(),
            "define" => self.define(false),
            "redefine" => self.define(true),
            "undefine" => self.undefine(),
            _ => return false,
        };
        if result.is_err() {
            self.skip_statement();
        }
        true
    }

    fn include(&mut self) -> Parsed<()> {
        self.bump();
        let token = self.expect(TokenKind::Quoted, "a file name in quotes")?;
        let span = Span::new(token.span.lo + 1, token.span.hi - 1);
        let pattern = self.sources.snippet(span).to_owned();
        self.end_of_statement();
        if self.inputs.len() as u32 >= include::MAX_DEPTH {
            let kind = SyntaxErrorKind::IncludeDepth(include::MAX_DEPTH);
            self.error(kind, token.span);
            return Ok(());
        }
        match include::include(self.sources, &pattern, token.span) {
            // The last that is pushed is read first.
            Ok(files) => files
                .into_iter()
                .rev()
                .for_each(|file| self.push_input(file)),
            Err(error) => self.errors.push(error),
        }
        Ok(())
    }

    fn define(&mut self, again: bool) -> Parsed<()> {
        self.bump();
        let ident = self.ident("a name")?;
        self.expect(TokenKind::Assign, "`=`")?;
        let value = self.initializer()?;
        let index = self.scopes.len() - 1;
        if !again && self.scopes[index].contains_key(&ident.name) {
            let name = self.names.get(ident.name).to_string();
            self.error(SyntaxErrorKind::Redefinition(name), ident.span);
        }
        self.scopes[index].insert(ident.name, Arc::new(value));
        self.end_of_statement();
        Ok(())
    }

    fn undefine(&mut self) -> Parsed<()> {
        self.bump();
        let ident = self.ident("a name")?;
        let index = self.scopes.len() - 1;
        if self.scopes[index].remove(&ident.name).is_none() {
            let name = self.names.get(ident.name).to_string();
            self.error(SyntaxErrorKind::UndefinedVariable(name), ident.span);
        }
        self.end_of_statement();
        Ok(())
    }

    /// `$name`.
    fn variable(&mut self) -> Parsed<(Ident, Arc<Expr>)> {
        let dollar = self.bump();
        let ident = self.ident("a variable's name")?;
        let span = dollar.span.to(ident.span);
        let ident = Ident { span, ..ident };
        for scope in self.scopes.iter().rev() {
            if let Some(value) = scope.get(&ident.name) {
                return Ok((ident, value.clone()));
            }
        }
        let name = self.names.get(ident.name).to_string();
        Err(self.error(SyntaxErrorKind::UndefinedVariable(name), span))
    }
}
