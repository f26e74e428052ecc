//! What stands in `$((…))`.

/// Deepest brackets.
const MAX_DEPTH: u8 = 32;

/// Looks a variable up, or sets it first.
pub(super) type Variables<'a> = &'a mut dyn FnMut(&str, Option<i64>) -> i64;

/// The value of an expression. `None` when it is no expression, or divides by zero.
pub(super) fn value(text: &str, variables: Variables<'_>) -> Option<i64> {
    let mut reader = Reader { rest: text, variables, depth: 0 };
    let mut value = 0;
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        reader.rest = part;
        value = reader.assignment()?;
        if !reader.rest.trim().is_empty() {
            return None;
        }
    }
    Some(value)
}

struct Reader<'a, 'v> {
    rest: &'a str,
    variables: Variables<'v>,
    depth: u8,
}

/// Operators of two sides, the weakest first; longer ones stand before their beginnings.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Reader<'_, '_> {
    /// `name = …`, `name += …` and the like, or a value.
    fn assignment(&mut self) -> Option<i64> {
        let before = self.rest;
        let text = before.trim_start();
        let length = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = text.split_at(length.unwrap_or(text.len()));
        let rest = rest.trim_start();
        let named = name.starts_with(|c: char| !c.is_ascii_digit());
        let operators = ["<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "="];
        let operator = operators.into_iter().find(|operator| rest.starts_with(operator));
        let Some(operator) = operator.filter(|_| named && !rest.starts_with("==")) else {
            return self.ternary();
        };
        self.rest = rest.get(operator.len()..)?;
        let right = self.deeper(Self::assignment)?;
        let value = match operator.strip_suffix('=').filter(|operator| !operator.is_empty()) {
            Some(operator) => apply(operator, (self.variables)(name, None), right)?,
            None => right,
        };
        Some((self.variables)(name, Some(value)))
    }

    fn ternary(&mut self) -> Option<i64> {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Some(condition);
        }
        let yes = self.deeper(Self::ternary)?;
        let no = if self.take(":") { self.deeper(Self::ternary)? } else { return None };
        Some(if condition == 0 { no } else { yes })
    }

    fn binary(&mut self, level: usize) -> Option<i64> {
        let Some(operators) = LEVELS.get(level) else { return self.power() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            let right = self.binary(level + 1)?;
            left = apply(operator, left, right)?;
        }
        Some(left)
    }

    fn operator(&mut self, operators: &[&'static str]) -> Option<&'static str> {
        let rest = self.rest.trim_start();
        let found = operators.iter().find(|operator| rest.starts_with(**operator))?;
        let after = rest.get(found.len()..)?;
        // `|` is not the beginning of `||`, nor `<` of `<<`, nor `*` of `**`.
        let doubled = found.len() == 1 && after.starts_with(found) && "|&<>*".contains(found);
        if doubled {
            return None;
        }
        self.rest = after;
        Some(found)
    }

    fn power(&mut self) -> Option<i64> {
        let base = self.unary()?;
        if !self.take("**") {
            return Some(base);
        }
        let exponent = self.deeper(Self::power)?;
        Some(base.wrapping_pow(u32::try_from(exponent).ok()?))
    }

    fn unary(&mut self) -> Option<i64> {
        for (sign, step) in [("++", 1), ("--", -1)] {
            if self.take(sign) {
                let name = self.name();
                let value = (self.variables)(&name, None).wrapping_add(step);
                return Some((self.variables)(&name, Some(value)));
            }
        }
        for (sign, turn) in [
            ("-", (|value: i64| value.wrapping_neg()) as fn(i64) -> i64),
            ("+", |value| value),
            ("!", |value| i64::from(value == 0)),
            ("~", |value| !value),
        ] {
            if self.take(sign) {
                return self.deeper(Self::unary).map(turn);
            }
        }
        if self.take("(") {
            let value = self.deeper(|reader| reader.binary(0))?;
            return self.take(")").then_some(value);
        }
        self.operand()
    }

    fn operand(&mut self) -> Option<i64> {
        let word = self.name();
        let first = word.chars().next()?;
        if !first.is_ascii_digit() {
            let value = (self.variables)(&word, None);
            for (sign, step) in [("++", 1), ("--", -1)] {
                if self.rest.starts_with(sign) {
                    self.rest = self.rest.get(2..)?;
                    (self.variables)(&word, Some(value.wrapping_add(step)));
                }
            }
            return Some(value);
        }
        match (word.strip_prefix("0x"), word.strip_prefix('0')) {
            (Some(hex), _) => i64::from_str_radix(hex, 16).ok(),
            (None, Some(octal)) if !octal.is_empty() => i64::from_str_radix(octal, 8).ok(),
            _ => word.parse().ok(),
        }
    }

    /// The letters and digits that are next.
    fn name(&mut self) -> String {
        let rest = self.rest.trim_start().trim_start_matches('$');
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (word, rest) = rest.split_at(length.unwrap_or(rest.len()));
        self.rest = rest;
        word.to_owned()
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.trim_start().strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Option<i64>) -> Option<i64> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }
}

fn apply(operator: &str, left: i64, right: i64) -> Option<i64> {
    Some(match operator {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "|" => left | right,
        "^" => left ^ right,
        "&" => left & right,
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "<<" => left.wrapping_shl(u32::try_from(right & 63).unwrap_or(0)),
        ">>" => left.wrapping_shr(u32::try_from(right & 63).unwrap_or(0)),
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" => left.checked_div(right)?,
        "%" => left.checked_rem(right)?,
        _ => return None,
    })
}
