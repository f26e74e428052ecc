//! `test` and `[`.

use super::fail;
use crate::logic::files::{Kind, Stat};
use crate::logic::shell::run::{Call, Done, matches};

/// Deepest brackets and negations.
const MAX_DEPTH: u8 = 32;

pub(super) fn test(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args);
    let bracket = match call.name.as_str() {
        "[" => Some("]"),
        "[[" => Some("]]"),
        _ => None,
    };
    if let Some(bracket) = bracket
        && args.pop().as_deref() != Some(bracket)
    {
        return fail(call, format!("missing `{bracket}'")).map(|_| 2);
    }
    let mut reader = Reader { call, args: &args, at: 0, depth: 0 };
    let holds = reader.any();
    let complete = reader.at == args.len();
    match holds {
        Ok(holds) if complete => Ok(u8::from(!holds)),
        Ok(_) => fail(call, "too many arguments").map(|_| 2),
        Err(text) => fail(call, text).map(|_| 2),
    }
}

struct Reader<'r, 'a, 'w, 'c> {
    call: &'r mut Call<'a, 'w, 'c>,
    args: &'r [String],
    at: usize,
    depth: u8,
}

impl Reader<'_, '_, '_, '_> {
    fn peek(&self, ahead: usize) -> Option<&str> {
        self.args.get(self.at + ahead).map(String::as_str)
    }

    fn any(&mut self) -> Result<bool, String> {
        let mut holds = self.all()?;
        while self.take(&["-o", "||"]) {
            let other = self.all()?;
            holds |= other;
        }
        Ok(holds)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut holds = self.one()?;
        while self.take(&["-a", "&&"]) {
            let other = self.one()?;
            holds &= other;
        }
        Ok(holds)
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let found = self.peek(0).is_some_and(|word| words.contains(&word));
        self.at += usize::from(found);
        found
    }

    fn one(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too many arguments".to_owned());
        }
        let holds = self.primary();
        self.depth -= 1;
        holds
    }

    fn primary(&mut self) -> Result<bool, String> {
        let Some(first) = self.peek(0).map(str::to_owned) else { return Ok(false) };
        if let (Some(operator), Some(right)) = (self.peek(1), self.peek(2))
            && is_binary(operator)
        {
            let (operator, right) = (operator.to_owned(), right.to_owned());
            self.at += 3;
            return binary(&first, &operator, &right);
        }
        self.at += 1;
        if first == "!" && self.peek(0).is_some() {
            return self.one().map(|holds| !holds);
        }
        if first == "(" && self.peek(0).is_some() {
            let holds = self.any()?;
            return if self.take(&[")"]) { Ok(holds) } else { Err("`)' expected".to_owned()) };
        }
        let unary = first.len() == 2 && first.starts_with('-');
        match self.peek(0).map(str::to_owned).filter(|_| unary) {
            Some(operand) => {
                self.at += 1;
                self.unary(&first, &operand)
            }
            None => Ok(!first.is_empty()),
        }
    }

    fn unary(&mut self, operator: &str, operand: &str) -> Result<bool, String> {
        let path = self.call.path(operand);
        let stat = self.call.files().stat(&path).ok();
        let kind = |kind: &Kind| stat.as_ref().is_some_and(|stat| stat.kind == *kind);
        let has = |bits: u16| stat.as_ref().is_some_and(|stat| stat.mode & bits != 0);
        Ok(match operator {
            "-z" => operand.is_empty(),
            "-n" => !operand.is_empty(),
            "-e" | "-a" => stat.is_some(),
            "-f" => kind(&Kind::File),
            "-d" => kind(&Kind::Directory),
            "-b" | "-c" => kind(&Kind::Device),
            "-L" | "-h" => {
                let link = self.call.files().stat_link(&path);
                matches!(link, Ok(Stat { kind: Kind::Link(_), .. }))
            }
            "-s" => stat.as_ref().is_some_and(|stat| stat.size > 0),
            "-r" => self.call.files().read_at(&path, 0, 1).is_ok() || kind(&Kind::Directory),
            "-w" => self.call.shell.account.uid == 0 && stat.is_some() || has(0o002),
            "-x" => self.call.files().is_program(&path) || kind(&Kind::Directory),
            "-u" => has(0o4000),
            "-g" => has(0o2000),
            "-k" => has(0o1000),
            "-t" => self.call.reads_terminal(),
            "-p" | "-S" => false,
            "-v" => self.call.shell.value(operand).is_some(),
            _ => return Err(format!("{operator}: unary operator expected")),
        })
    }
}

fn is_binary(operator: &str) -> bool {
    matches!(
        operator,
        "=" | "=="
            | "!="
            | "=~"
            | "<"
            | ">"
            | "-eq"
            | "-ne"
            | "-lt"
            | "-le"
            | "-gt"
            | "-ge"
            | "-nt"
            | "-ot"
            | "-ef"
    )
}

fn binary(left: &str, operator: &str, right: &str) -> Result<bool, String> {
    match operator {
        "=" => return Ok(left == right),
        "==" => return Ok(left == right || matches(right, left)),
        "!=" => return Ok(left != right),
        "=~" => return Ok(left.contains(right.trim_matches(['^', '$']))),
        "<" => return Ok(left < right),
        ">" => return Ok(left > right),
        "-nt" | "-ot" | "-ef" => return Ok(false),
        _ => {}
    }
    let (left, right) = (number(left)?, number(right)?);
    Ok(match operator {
        "-eq" => left == right,
        "-ne" => left != right,
        "-lt" => left < right,
        "-le" => left <= right,
        "-gt" => left > right,
        _ => left >= right,
    })
}

fn number(text: &str) -> Result<i64, String> {
    match text.trim().parse() {
        Ok(number) => Ok(number),
        Err(_) => Err(format!("{text}: integer expression expected")),
    }
}
