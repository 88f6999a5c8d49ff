//! Reads a query. Keywords are read in any case, fields only in their own. What it says wrongly is told before what it means wrongly, as with
//! Temporal.

use super::lexer::{Piece, Token, pieces};
use super::value::{Literal, Value};
use super::{BadQuery, Field, Query, Stored};
use sandglass_host::store::{Comparison, Condition, Test};

/// How deep conditions may stand in each other.
const DEPTH_MAX: usize = 64;
/// Conditions in a query.
const CONDITIONS_MAX: usize = 500;
/// Values in a query.
const VALUES_MAX: usize = 10_000;
/// What Temporal counts in front of a query, since it reads it as a part of a longer one; and of one that has no condition.
const BEFORE: (usize, usize) = (28, 22);

/// Words that name no field, unless they stand between backquotes.
const KEYWORDS: [&str; 25] = [
    "and",
    "asc",
    "between",
    "by",
    "desc",
    "drop",
    "false",
    "from",
    "group",
    "having",
    "in",
    "is",
    "like",
    "limit",
    "not",
    "null",
    "or",
    "order",
    "regexp",
    "select",
    "starts_with",
    "table",
    "true",
    "where",
    "xor",
];

/// Reads a query; an empty text is one that all runs fit.
///
/// # Errors
/// It is none, or it asks for what cannot be asked for.
pub(crate) fn parse(text: &str) -> Result<Query, BadQuery> {
    let text = text.trim();
    let is_clause = |word: &str| {
        let first = text.split(|c: char| !c.is_ascii_alphanumeric()).next();
        first.is_some_and(|first| first.eq_ignore_ascii_case(word))
    };
    let has_condition = !is_clause("order") && !is_clause("group");
    let before = if has_condition { BEFORE.0 } else { BEFORE.1 };
    let (pieces, broken) = pieces(text, before);
    let parser = Parser {
        pieces,
        broken,
        at: 0,
        end: before + text.len(),
        before,
        depth: 0,
        conditions: 0,
        values: 0,
        wrong: None,
    };
    parser.query(has_condition)
}

type Read<T> = Result<T, BadQuery>;

struct Parser {
    pieces: Vec<Piece>,
    /// What is said of the text after the last piece, if it is none.
    broken: Option<BadQuery>,
    at: usize,
    end: usize,
    before: usize,
    depth: usize,
    conditions: usize,
    values: usize,
    /// The first thing that the query means wrongly.
    wrong: Option<BadQuery>,
}

impl Parser {
    fn query(mut self, has_condition: bool) -> Read<Query> {
        let mut query = Query::default();
        if has_condition && self.end > self.before {
            query.condition = Some(self.any()?);
        }
        query.by_status = self.group()?;
        if self.takes("HAVING") {
            self.any()?;
            self.mean_wrongly(BadQuery::NotSupported("'HAVING' clause".into()));
        }
        if self.takes("ORDER") {
            self.order()?;
        }
        if self.takes("LIMIT") {
            self.literal()?;
            self.mean_wrongly(BadQuery::NotSupported("'LIMIT' clause".into()));
        }
        self.takes_sign(";");
        if self.at < self.pieces.len() || self.broken.is_some() {
            return Err(self.syntax());
        }
        match self.wrong {
            Some(wrong) => Err(wrong),
            None => Ok(query),
        }
    }

    fn group(&mut self) -> Read<bool> {
        if !self.takes("GROUP") {
            return Ok(false);
        }
        self.must_take("BY")?;
        let fields = self.fields()?;
        let not_supported = |what: String| Some(BadQuery::NotSupported(what));
        let wrong = match fields.as_slice() {
            [(_, Some(Field::Status))] | [(_, None)] => None,
            [(name, Some(_))] => not_supported(format!(
                "'GROUP BY' clause is not supported for search attribute {name}"
            )),
            _ => not_supported("'GROUP BY' clause supports only a single field".into()),
        };
        if let Some(wrong) = wrong {
            self.mean_wrongly(wrong);
        }
        Ok(true)
    }

    fn order(&mut self) -> Read<()> {
        self.must_take("BY")?;
        self.fields()?;
        self.mean_wrongly(BadQuery::NotSupported("'ORDER BY' clause".into()));
        Ok(())
    }

    /// Fields with a comma between them, and perhaps a direction.
    fn fields(&mut self) -> Read<Vec<(String, Option<Field>)>> {
        let mut fields = Vec::new();
        loop {
            fields.push(self.field()?);
            if !self.takes("DESC") {
                self.takes("ASC");
            }
            if !self.takes_sign(",") {
                return Ok(fields);
            }
        }
    }

    fn any(&mut self) -> Read<Condition> {
        let mut any = vec![self.all()?];
        while self.takes("OR") || self.takes_sign("||") {
            any.push(self.all()?);
        }
        Ok(one_or(any, Condition::Any))
    }

    fn all(&mut self) -> Read<Condition> {
        let mut all = vec![self.one()?];
        while self.takes("AND") || self.takes_sign("&&") {
            all.push(self.one()?);
        }
        Ok(one_or(all, Condition::All))
    }

    fn one(&mut self) -> Read<Condition> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let what = format!("conditions more than {DEPTH_MAX} deep in each other");
            return Err(BadQuery::NotSupported(what));
        }
        let condition = if self.takes("NOT") {
            Condition::Not(Box::new(self.one()?))
        } else if self.takes_sign("(") {
            let inner = self.any()?;
            self.must_take_sign(")")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Read<Condition> {
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            let what = format!("more than {CONDITIONS_MAX} conditions");
            return Err(BadQuery::NotSupported(what));
        }
        let (name, field) = self.field()?;
        if self.takes("IS") {
            return self.is(field);
        }
        let not = self.takes("NOT");
        let condition = if self.takes("BETWEEN") {
            let low = self.compared(&name, field, Comparison::GreaterOrEqual)?;
            self.must_take("AND")?;
            let high = self.compared(&name, field, Comparison::LessOrEqual)?;
            Condition::All(vec![low, high])
        } else if self.takes("IN") {
            self.list(&name, field)?
        } else if self.takes("STARTS_WITH") {
            self.starts_with(&name, field)?
        } else if not {
            return self.pattern(&name, field, "NOT ");
        } else {
            match self.comparison_sign() {
                Some(comparison) => self.compared(&name, field, comparison)?,
                None => return self.pattern(&name, field, ""),
            }
        };
        Ok(if not { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn is(&mut self, field: Option<Field>) -> Read<Condition> {
        let not = self.takes("NOT");
        if self.takes("TRUE") || self.takes("FALSE") {
            let text = "'IS' operator can only be used as 'IS NULL' or 'IS NOT NULL'";
            self.mean_wrongly(BadQuery::Expression(text.into()));
            return Ok(nothing());
        }
        self.must_take("NULL")?;
        let missing = match field {
            Some(field) => field.test(Test::Missing, Test::Missing),
            None => nothing(),
        };
        Ok(if not { Condition::Not(Box::new(missing)) } else { missing })
    }

    /// What no field can be held against; or the end of the query.
    fn pattern(&mut self, name: &str, field: Option<Field>, not: &str) -> Read<Condition> {
        let operator = [("LIKE", "LIKE"), ("REGEXP", "REGEXP")]
            .into_iter()
            .find_map(|(word, operator)| self.takes(word).then_some(operator))
            .or_else(|| (not.is_empty() && self.takes_sign("<=>")).then_some("<=>"));
        match (operator, field) {
            (Some(operator), Some(field)) => {
                self.literal()?;
                self.mean_wrongly(not_for(&format!("{not}{operator}"), name, field));
            }
            (Some(_), None) => drop(self.literal()?),
            (None, _) if not.is_empty() && self.ends_condition() => {
                self.mean_wrongly(BadQuery::Expression("incomplete expression".into()));
            }
            (None, _) => return Err(self.syntax()),
        }
        Ok(nothing())
    }

    fn compared(
        &mut self,
        name: &str,
        field: Option<Field>,
        comparison: Comparison,
    ) -> Read<Condition> {
        Ok(match (self.value(name, field)?, field) {
            (Some(Value::Text(text)), Some(field)) => {
                field.test(Test::Is(comparison, text), Test::In(Vec::new()))
            }
            (Some(Value::Number(number)), Some(field)) => {
                field.test(Test::In(Vec::new()), Test::Is(comparison, number))
            }
            _ => nothing(),
        })
    }

    fn list(&mut self, name: &str, field: Option<Field>) -> Read<Condition> {
        self.must_take_sign("(")?;
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        loop {
            match self.value(name, field)? {
                Some(Value::Text(text)) => texts.push(text),
                Some(Value::Number(number)) => numbers.push(number),
                None => {}
            }
            if !self.takes_sign(",") {
                break;
            }
        }
        self.must_take_sign(")")?;
        let in_list = |field: Field| field.test(Test::In(texts), Test::In(numbers));
        Ok(field.map_or_else(nothing, in_list))
    }

    fn starts_with(&mut self, name: &str, field: Option<Field>) -> Read<Condition> {
        Ok(match (self.value(name, field)?, field) {
            (Some(Value::Text(prefix)), Some(Field::Text(field))) => {
                Condition::StartsWith(field, prefix)
            }
            (_, Some(field)) => {
                self.mean_wrongly(not_for("STARTS_WITH", name, field));
                nothing()
            }
            (_, None) => nothing(),
        })
    }

    /// A value of that field; none if it is wrong, which has been noted.
    fn value(&mut self, name: &str, field: Option<Field>) -> Read<Option<Value>> {
        let literal = self.literal()?;
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(BadQuery::NotSupported(format!("more than {VALUES_MAX} values")));
        }
        Ok(match field.map(|field| literal.of(name, field)) {
            Some(Ok(value)) => Some(value),
            Some(Err(wrong)) => {
                self.mean_wrongly(wrong);
                None
            }
            None => None,
        })
    }

    fn literal(&mut self) -> Read<Literal> {
        let negative = self.takes_sign("-");
        let literal = match self.token() {
            Some(Token::Number(number)) => {
                let sign = if negative { "-" } else { "" };
                Literal::number(&format!("{sign}{number}"))
            }
            _ if negative => None,
            Some(Token::Text(text)) => Some(Literal::Text(text.clone())),
            Some(Token::Quoted(name)) => Some(Literal::Name(name.clone())),
            Some(Token::Word(word)) => match keyword(word) {
                Some("true") => Some(Literal::Bool(true)),
                Some("false") => Some(Literal::Bool(false)),
                Some("null") => Some(Literal::Null),
                Some(_) => None,
                None => Some(Literal::Name(word.clone())),
            },
            Some(Token::Sign(_)) | None => None,
        };
        let literal = literal.ok_or_else(|| self.syntax())?;
        self.at += 1;
        Ok(literal)
    }

    /// A field and its name; none if there is none of that name, which has been noted.
    fn field(&mut self) -> Read<(String, Option<Field>)> {
        let name = match self.token() {
            Some(Token::Quoted(name)) => name.clone(),
            Some(Token::Word(word)) if keyword(word).is_none() => word.clone(),
            Some(Token::Text(_) | Token::Number(_)) => {
                self.at += 1;
                let text = "must be a column name but was *sqlparser.SQLVal";
                self.mean_wrongly(BadQuery::Expression(text.into()));
                return Ok((String::new(), None));
            }
            _ => return Err(self.syntax()),
        };
        self.at += 1;
        let field = Field::named(&name);
        if field.is_none() {
            self.mean_wrongly(BadQuery::UnknownField(name.clone()));
        }
        Ok((name, field))
    }

    fn comparison_sign(&mut self) -> Option<Comparison> {
        let comparison = match self.token()? {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("!=" | "<>") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.at += 1;
        Some(comparison)
    }

    fn mean_wrongly(&mut self, wrong: BadQuery) {
        self.wrong.get_or_insert(wrong);
    }

    fn token(&self) -> Option<&Token> {
        self.pieces.get(self.at).map(|piece| &piece.token)
    }

    /// That what stands here may not stand here.
    fn syntax(&self) -> BadQuery {
        let Some(piece) = self.pieces.get(self.at) else {
            let end = BadQuery::Syntax { position: self.end, near: None };
            return self.broken.clone().unwrap_or(end);
        };
        let near = match &piece.token {
            Token::Word(word) => Some(keyword(word).map_or_else(|| word.clone(), Into::into)),
            Token::Quoted(text) | Token::Text(text) | Token::Number(text) => Some(text.clone()),
            Token::Sign(_) => None,
        };
        BadQuery::Syntax { position: self.before + piece.end, near }
    }

    /// Whether a condition may end here.
    fn ends_condition(&self) -> bool {
        match self.token() {
            None | Some(Token::Sign(")" | "&&" | "||" | ";")) => true,
            Some(Token::Word(word)) => {
                matches!(keyword(word), Some("and" | "or" | "group" | "order" | "limit" | "having"))
            }
            Some(_) => false,
        }
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let takes =
            matches!(self.token(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(takes);
        takes
    }

    fn takes_sign(&mut self, wanted: &str) -> bool {
        let takes = matches!(self.token(), Some(Token::Sign(sign)) if *sign == wanted);
        self.at += usize::from(takes);
        takes
    }

    fn must_take(&mut self, keyword: &str) -> Read<()> {
        if self.takes(keyword) { Ok(()) } else { Err(self.syntax()) }
    }

    fn must_take_sign(&mut self, sign: &str) -> Read<()> {
        if self.takes_sign(sign) { Ok(()) } else { Err(self.syntax()) }
    }
}

impl Field {
    /// The field, held against what fits it.
    fn test(self, text: Test<String>, number: Test<i64>) -> Condition {
        match self.stored() {
            Stored::Text(field) => Condition::Text(field, text),
            Stored::Number(field) => Condition::Number(field, number),
        }
    }
}

fn keyword(word: &str) -> Option<&'static str> {
    KEYWORDS.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(word))
}

/// In place of a condition that is wrong: the query as a whole is refused.
fn nothing() -> Condition {
    Condition::Any(Vec::new())
}

fn not_for(operator: &str, name: &str, field: Field) -> BadQuery {
    let its_type = field.type_name();
    BadQuery::NotSupported(format!(
        "operator '{operator}' not supported for {its_type} type search attribute '{name}'"
    ))
}

fn one_or(mut all: Vec<Condition>, of: impl Fn(Vec<Condition>) -> Condition) -> Condition {
    match (all.len(), all.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            all.extend(last);
            of(all)
        }
    }
}
