package meter

// instruction reads what follows an instruction's byte, and adds it to the stretch, changed where it must be.
func (b *body) instruction(op byte) {
	i := instructions[op]
	b.count++
	b.cost += i.cost
	switch i.follows {
	case refused:
		b.in.fail("an instruction %#x, which may not be used", op)
	case none:
		b.plain(op)
	case prefix:
		b.prefixed()
	case function:
		b.call()
	case constI32, constI64, constF32, constF64:
		b.stretch = append(append(b.stretch, op), number(b.in, i.follows)...)
	default:
		b.stretch = b.immediates(append(b.stretch, op), i.follows)
	}
	switch i.nan {
	case float32s:
		b.canonical(b.locals, opF32Eq, opF32Const, 0, 0, 0xc0, 0x7f)
	case float64s:
		b.canonical(b.locals+1, opF64Eq, opF64Const, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)
	}
	b.branch(op)
}

// branch ends the stretch where control may leave or enter.
func (b *body) branch(op byte) {
	switch op {
	case opBlock:
		b.open()
	case opLoop:
		b.open()
		b.end()
		b.head, b.cost = true, looping
	case opIf:
		b.open()
		b.end()
	case opEnd:
		b.depth--
		b.end()
	case opElse, opBr, opBrIf, opBrTable, opReturn, opUnreachable:
		b.end()
	}
}

func (b *body) open() {
	if b.depth++; b.depth > maxDepth {
		b.in.fail("more than %d blocks in one another", maxDepth)
	}
}

// plain adds an instruction without anything behind it. A return becomes a branch to the outermost block.
func (b *body) plain(op byte) {
	if op == opReturn {
		b.stretch = putU32(append(b.stretch, opBr), b.depth)
		return
	}
	b.stretch = append(b.stretch, op)
}

func (b *body) call() {
	f := b.in.index("function", uint32(len(b.m.functions)))
	if f < b.m.imported {
		b.cost += hostCall
	} else {
		b.calls = true
	}
	b.stretch = putU32(append(b.stretch, opCall), f)
}

// immediates appends indices and the like. None may be that of something that is added.
func (b *body) immediates(out []byte, of immediate) []byte {
	in := b.in
	switch of {
	case blockType:
		return append(out, b.blockType()...)
	case label:
		return putU32(out, in.index("label", b.depth+1))
	case labels:
		return b.labels(out)
	case indirect:
		b.calls = true
		out = putU32(out, in.index("type", uint32(len(b.m.types))))
		return putU32(out, in.index("table", count(b.m.table)))
	case local:
		return putU32(out, in.index("local", b.locals))
	case global:
		return putU32(out, in.index("global", b.m.globals))
	case access:
		return putU32(putU32(out, in.index("alignment", 4)), in.u32())
	case memory:
		return putU32(out, in.index("memory", count(b.m.memory)))
	case selectType:
		return append(append(out, 1), b.selected())
	}
	return out
}

func (b *body) labels(out []byte) []byte {
	n := b.in.count("targets of a branch", maxBranches)
	out = putU32(out, n)
	for range n + 1 {
		out = putU32(out, b.in.index("label", b.depth+1))
	}
	return out
}

// selected reads the one type that a select may have.
func (b *body) selected() byte {
	n, t := b.in.byte(), b.in.byte()
	if n != 1 || !numeric([]byte{t}) {
		b.in.fail("a select of what isn't one number")
	}
	return t
}

// blockType reads nothing, one type, or the index of a function's.
func (b *body) blockType() []byte {
	raw := b.in.signed(33)
	if len(raw) == 1 && (raw[0] == noType || numeric(raw)) {
		return raw
	}
	i := int64(0)
	for at, x := range raw {
		i |= int64(x&0x7f) << (7 * at)
	}
	if len(raw) == 0 || raw[len(raw)-1]&0x40 != 0 || i >= int64(len(b.m.types)) {
		b.in.fail("a block of a type that there isn't")
		return nil
	}
	return putSigned(nil, i)
}

// prefixed reads the instructions behind the prefix: conversions, and what copies and fills memory, which pays for the
// length on top of the operands first.
func (b *body) prefixed() {
	op := b.in.u32()
	if op > memoryFill || op > lastTruncSat && !b.m.memory {
		b.in.fail("an instruction 0xfc %d, which may not be used", op)
		return
	}
	if op <= lastTruncSat {
		b.cost += floating
	} else if op != dataDrop {
		b.cost += called
		b.stretch = putU32(append(b.stretch, opCall), uint32(len(b.m.functions)))
	}
	b.stretch = putU32(append(b.stretch, opPrefix), op)
	if op == memoryInit || op == dataDrop {
		b.stretch = putU32(b.stretch, b.in.u32())
	}
	for range memoriesOf[op] {
		b.stretch = putU32(b.stretch, b.in.index("memory", 1))
	}
}

// memoriesOf says how many memories an instruction behind the prefix names.
var memoriesOf = map[uint32]int{memoryInit: 1, memoryCopy: 2, memoryFill: 1}

// canonical appends what makes every result that isn't a number the same: a value that differs from itself is replaced.
func (b *body) canonical(temporary uint32, equal, constant byte, bits ...byte) {
	b.floats = true
	out := putU32(append(b.stretch, opLocalTee), temporary)
	out = append(append(out, constant), bits...)
	out = putU32(append(out, opLocalGet), temporary)
	out = putU32(append(out, opLocalGet), temporary)
	b.stretch = append(out, equal, opSelect)
}
