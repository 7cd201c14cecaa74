//! Rules that valid WGSL can break but the shaders of this package may not, checked on the compiled form.
//!
//! - **Bounds.** A storage buffer is written only as `buffer[index]` (or a fixed part of that element), where `index`
//!   is a `let` or a parameter, and only where `index < arrayLength(&buffer)` is known: inside
//!   `if (index < arrayLength(&buffer)) { … }`, or after `if (index >= arrayLength(&buffer)) { return; }` in the same
//!   block. So one helper, `store(index, value)`, does all writing. Textures are not written.
//! - **Loops.** Every loop is `for (var i = …; i < CAP; i++)` (or `i += STEP`), with an `i: u32` that nothing else
//!   writes, and a `CAP` that is a constant of at most [`MAX_ITERATIONS`] or `min(…, CAP)`. Further conditions are
//!   `break`s in the body. Then no loop outlasts its cap, whatever the data.
//! - **Workgroup.** At most [`MAX_WORKGROUP`] invocations, fixed in the source: what every adapter can do.

use crate::preprocess::{Origin, Resolved};
use naga::{
    AddressSpace, ArraySize, BinaryOperator, Block, Expression, Function, GlobalVariable, Handle, Literal,
    LocalVariable, MathFunction, Module, Span, Statement, TypeInner,
    valid::{FunctionInfo, ModuleInfo},
};
use std::fmt;

/// The highest cap and the longest step of a loop.
pub const MAX_ITERATIONS: u32 = 1 << 16;
/// The most invocations in a workgroup.
pub const MAX_WORKGROUP: u32 = 256;

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub at: Origin,
    /// The rule.
    pub rule: Rule,
}

/// A rule of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Storage is written at an index that is not known to be inside.
    Bounds,
    /// A loop has no constant cap.
    Loops,
    /// A workgroup is too large, or its size is not fixed.
    Workgroup,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.rule {
            Rule::Bounds => {
                "storage is written without a check `index < arrayLength(&buffer)` of the same index"
            }
            Rule::Loops => "a loop is not of the form `for (var i = 0u; i < CAP; i++)` with a constant cap",
            Rule::Workgroup => "the workgroup has more than 256 invocations, or a size that is not fixed",
        };
        write!(f, "{}: {rule}", self.at)
    }
}

/// Every violation in a module that is valid.
pub(crate) fn lint(module: &Module, info: &ModuleInfo, resolved: &Resolved) -> Vec<Violation> {
    let mut violations = Vec::new();
    let functions = module.functions.iter().map(|(handle, function)| (function, &info[handle]));
    let points = module.entry_points.iter().enumerate();
    let points = points.map(|(index, point)| (&point.function, info.get_entry_point(index)));
    for (function, info) in functions.chain(points) {
        let mut linter = Linter { module, function, info, resolved, violations: &mut violations };
        linter.block(&function.body, &mut Vec::new());
    }
    for point in &module.entry_points {
        let invocations = point.workgroup_size.iter().fold(1_u32, |product, &n| product.saturating_mul(n));
        if invocations > MAX_WORKGROUP || point.workgroup_size_overrides.is_some() {
            let line = resolved.text.lines().position(|line| line.contains("@workgroup_size")).unwrap_or(0);
            violations.push(Violation { at: resolved.origin(line + 1), rule: Rule::Workgroup });
        }
    }
    violations
}

/// A fact that holds in a part of the code: this index is less than the length of this buffer's array.
#[derive(Clone, Copy, PartialEq)]
struct InBounds {
    /// Expressions are evaluated once, so the same handle is the same value.
    index: Handle<Expression>,
    buffer: Handle<GlobalVariable>,
}

struct Linter<'a> {
    module: &'a Module,
    function: &'a Function,
    info: &'a FunctionInfo,
    resolved: &'a Resolved,
    violations: &'a mut Vec<Violation>,
}

impl Linter<'_> {
    fn block(&mut self, block: &Block, known: &mut Vec<InBounds>) {
        let outside = known.len();
        for (statement, &span) in block.span_iter() {
            match statement {
                Statement::Store { pointer, .. } | Statement::Atomic { pointer, .. }
                    if !self.is_in_bounds(*pointer, known) =>
                {
                    self.violation(span, Rule::Bounds);
                }
                Statement::ImageStore { .. } | Statement::ImageAtomic { .. } => {
                    self.violation(span, Rule::Bounds)
                }
                Statement::Block(inner) => self.block(inner, known),
                Statement::If { condition, accept, reject } => self.branch(*condition, accept, reject, known),
                Statement::Switch { cases, .. } => {
                    cases.iter().for_each(|case| self.block(&case.body, known));
                }
                Statement::Loop { body, continuing, .. } => {
                    if self.cap(body, continuing).is_none() {
                        self.violation(span, Rule::Loops);
                    }
                    self.block(body, known);
                    self.block(continuing, known);
                }
                _ => {}
            }
        }
        known.truncate(outside);
    }

    fn branch(
        &mut self,
        condition: Handle<Expression>,
        accept: &Block,
        reject: &Block,
        known: &mut Vec<InBounds>,
    ) {
        let (if_true, if_false) = self.facts(condition);
        for (block, fact) in [(accept, if_true), (reject, if_false)] {
            known.extend(fact);
            self.block(block, known);
            if fact.is_some() {
                known.pop();
            }
        }
        if matches!(accept.last(), Some(Statement::Return { .. })) {
            known.extend(if_false);
        }
    }

    /// What a condition tells when it is true, and when it is false.
    fn facts(&self, condition: Handle<Expression>) -> (Option<InBounds>, Option<InBounds>) {
        let expressions = &self.function.expressions;
        let Expression::Binary { op, left: index, right } = expressions[condition] else {
            return (None, None);
        };
        let Expression::ArrayLength(array) = expressions[right] else { return (None, None) };
        let fact = self.function.originating_global(array).map(|buffer| InBounds { index, buffer });
        match op {
            BinaryOperator::Less => (fact, None),
            BinaryOperator::GreaterEqual => (None, fact),
            _ => (None, None),
        }
    }

    /// Whether a write through this pointer stays inside its storage buffer. Other memory needs no check here.
    fn is_in_bounds(&self, pointer: Handle<Expression>, known: &[InBounds]) -> bool {
        let Some(buffer) = self.function.originating_global(pointer) else { return true };
        if !matches!(self.module.global_variables[buffer].space, AddressSpace::Storage { .. }) {
            return true;
        }
        let mut part = pointer;
        loop {
            part = match self.function.expressions[part] {
                Expression::Access { base, index } => {
                    if !self.is_runtime_sized(base) || !known.contains(&InBounds { index, buffer }) {
                        return false;
                    }
                    base
                }
                // Validation has compared a constant index with a constant length.
                Expression::AccessIndex { base, .. } if !self.is_runtime_sized(base) => base,
                Expression::GlobalVariable(_) => return true,
                _ => return false,
            };
        }
    }

    fn is_runtime_sized(&self, pointer: Handle<Expression>) -> bool {
        let types = &self.module.types;
        match *self.info[pointer].ty.inner_with(types) {
            TypeInner::Pointer { base, .. } => {
                matches!(types[base].inner, TypeInner::Array { size: ArraySize::Dynamic, .. })
            }
            _ => false,
        }
    }

    /// The cap of a loop that has the required form.
    ///
    /// `for (…; i < CAP; i += STEP)` is compiled to a body that begins with `if (i < CAP) {} else { break; }`, and a
    /// continuing block that ends with `i = i + STEP`, and that `continue` cannot skip.
    fn cap(&self, body: &Block, continuing: &Block) -> Option<u32> {
        let head = body.iter().position(|statement| !matches!(statement, Statement::Emit(_)))?;
        let Statement::If { condition, accept, reject } = &body[head] else { return None };
        let [Statement::Break] = reject[..] else { return None };
        let Expression::Binary { op: BinaryOperator::Less, left, right } =
            self.function.expressions[*condition]
        else {
            return None;
        };
        let counter = self.loaded_in(left, &body[..head])?;
        let (Statement::Store { pointer, value }, before) = continuing.split_last()? else { return None };
        let Expression::Binary { op: BinaryOperator::Add, left, right: step } =
            self.function.expressions[*value]
        else {
            return None;
        };
        let steps = self.local(*pointer) == Some(counter) && self.loaded_in(left, before)? == counter;
        let moves = (1..=MAX_ITERATIONS).contains(&self.constant(step)?);
        let is_counter_alone = accept.is_empty()
            && !self.writes(body, counter)
            && !before.iter().any(|statement| self.writes_in(statement, counter));
        (steps && moves && is_counter_alone).then(|| self.capped(right))?
    }

    /// The local variable that `value` was loaded from by one of these statements.
    fn loaded_in(
        &self,
        value: Handle<Expression>,
        statements: &[Statement],
    ) -> Option<Handle<LocalVariable>> {
        let Expression::Load { pointer } = self.function.expressions[value] else { return None };
        let is_fresh = statements.iter().any(|statement| match statement {
            Statement::Emit(range) => range.clone().any(|emitted| emitted == value),
            _ => false,
        });
        self.local(pointer).filter(|_| is_fresh)
    }

    fn local(&self, pointer: Handle<Expression>) -> Option<Handle<LocalVariable>> {
        match self.function.expressions[pointer] {
            Expression::LocalVariable(variable) => Some(variable),
            _ => None,
        }
    }

    fn writes(&self, block: &Block, variable: Handle<LocalVariable>) -> bool {
        block.iter().any(|statement| self.writes_in(statement, variable))
    }

    fn writes_in(&self, statement: &Statement, variable: Handle<LocalVariable>) -> bool {
        let is_it = |&pointer: &Handle<Expression>| self.local(pointer) == Some(variable);
        match statement {
            Statement::Store { pointer, .. } => is_it(pointer),
            Statement::Call { arguments, .. } => arguments.iter().any(is_it),
            Statement::Block(block) => self.writes(block, variable),
            Statement::If { accept, reject, .. } => {
                self.writes(accept, variable) || self.writes(reject, variable)
            }
            Statement::Switch { cases, .. } => cases.iter().any(|case| self.writes(&case.body, variable)),
            Statement::Loop { body, continuing, .. } => {
                self.writes(body, variable) || self.writes(continuing, variable)
            }
            _ => false,
        }
    }

    /// The least constant that bounds an expression from above, if it is a constant or a `min` with one.
    fn capped(&self, limit: Handle<Expression>) -> Option<u32> {
        if let Expression::Math { fun: MathFunction::Min, arg, arg1: Some(arg1), .. } =
            self.function.expressions[limit]
        {
            return self.capped(arg).or_else(|| self.capped(arg1));
        }
        self.constant(limit).filter(|&cap| cap <= MAX_ITERATIONS)
    }

    fn constant(&self, value: Handle<Expression>) -> Option<u32> {
        let literal = match self.function.expressions[value] {
            Expression::Constant(constant) => {
                &self.module.global_expressions[self.module.constants[constant].init]
            }
            ref other => other,
        };
        match *literal {
            Expression::Literal(Literal::U32(value)) => Some(value),
            _ => None,
        }
    }

    fn violation(&mut self, span: Span, rule: Rule) {
        let line = span.location(&self.resolved.text).line_number as usize;
        self.violations.push(Violation { at: self.resolved.origin(line), rule });
    }
}
