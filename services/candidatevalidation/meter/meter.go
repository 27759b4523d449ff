// Package meter makes of a parachain's validation code a module whose work, stack and memory are measured out, in such
// a way that every validator that runs it comes to the same end, however fast its machine is. It takes the bytes of
// strangers and yields bytes, or says why the code isn't fit to judge anything; it runs nothing and asks nobody.
//
// What it does to the code, in one pass and without changing what well-behaved code computes:
//
//   - Each stretch of instructions without a branch first takes what it costs from a counter, the *fuel*; at the head
//     of a loop and of a function the code traps when there is none left. Instructions whose work is as long as one of
//     their operands says, such as memory.copy, pay for that length, too.
//   - A function that calls others takes what its frame may need from a second counter, the *stack*, and gives it back
//     when it returns. The code traps when there isn't enough.
//   - Memory and table get bounds, so that growing beyond them fails in the same way everywhere.
//   - An arithmetic result that isn't a number gets one bit pattern: processors differ in which they make.
//   - What isn't needed is left out: names and other custom sections.
//
// Code is refused that imports anything but what the caller allows, that lacks what the host calls, and that has
// features which aren't in the list of docs/validation.md: threads, vectors, references, exceptions, more than one
// memory or table, and whatever is younger. What is left is WebAssembly 1.0 with sign extension, conversions that don't
// trap, several results, and copying and filling of memory. Types aren't checked here: the compiler does that, and what
// is added to the code has the types of what is around it.
//
// Whatever changes here, the costs included, changes who is right: all validators must change together. Version is part
// of the name under which prepared code is kept.
package meter

import (
	"errors"
	"fmt"
)

// Version of what is done to code.
const Version = 1

// ErrMalformed: the code isn't a module that can judge candidates. What is wrong follows.
var ErrMalformed = errors.New("the code is malformed")

// Limits are what a run of the code may take.
type Limits struct {
	Fuel  int64  // units of work: see the costs in opcodes.go
	Stack int32  // units of stack: see frame
	Pages uint32 // of memory, 64 KiB each
	Table uint32 // elements
}

// Default are the limits of validation. They are the protocol's, not a machine's: all validators must have the same. A
// unit of work takes up to a nanosecond.
var Default = Limits{Fuel: 1 << 30, Stack: 1 << 19, Pages: 2048, Table: 1 << 16}

// The names under which what is left of fuel and stack can be read when the code has ended, as i64 and i32. Below zero
// it was too little.
const (
	FuelExport  = "reeve:fuel"
	StackExport = "reeve:stack"
)

// Signature is the type of a function: the bytes by which WebAssembly names the types of parameters and results.
type Signature struct{ Params, Results string }

// Types of values.
const (
	I32 = "\x7f"
	I64 = "\x7e"
	f32 = "\x7d"
	f64 = "\x7c"
)

// exported are the functions that the host calls; true: it can't do without.
var exported = map[string]struct {
	Signature
	needed bool
}{
	"reeve_alloc":    {Signature{I32, I32}, true},
	"validate_block": {Signature{I32 + I32, I64}, true},
	"_initialize":    {Signature{}, false},
}

// memoryExport is the name of the memory for the host.
const memoryExport = "memory"

// Prepare measures the code out. imports are the functions of modules that it may import, by "module.name". The error
// is ErrMalformed: the code is what is wrong, and everybody finds so.
func Prepare(code []byte, imports map[string]Signature, limits Limits) ([]byte, error) {
	m := &module{in: reader{rest: code}, imports: imports, limits: limits}
	m.read()
	if m.in.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, m.in.err)
	}
	return m.out, nil
}
