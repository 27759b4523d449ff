// Package decode turns bytes from outside into protobuf messages without trusting them. A megabyte of empty
// sub-messages would become tens of megabytes of heap, so the bytes are walked first, with the message's descriptor in
// hand, and nothing is allocated before they are known to be within a budget. Bytes that are too few to exceed it
// aren't walked. The message's own Validate has the last word.
//
// Everything that a peer or a plugin sends goes through Unmarshal, and so does what a process says to the overseer
// before it is admitted. Its errors are about the sender; they stop nothing.
package decode

import (
	"errors"
	"fmt"
	"math/bits"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Budget is what one message may cost.
type Budget struct {
	// Bytes is the encoded size.
	Bytes int
	// Elements is the number of fields, list items and sub-messages in all, at every depth.
	Elements int
	// Depth is how deep messages may be nested; 1 allows none inside.
	Depth int
}

// Validator is a message that knows what it must be like.
type Validator interface{ Validate() error }

// ErrBudget is wrapped by every error that tells of a message within no budget.
var ErrBudget = errors.New("the message is larger than allowed")

// Unmarshal reads raw into msg, which is emptied first: budget, decoding, Validate. Fields that the message doesn't
// have are dropped. After an error msg holds nothing of use.
func Unmarshal(raw []byte, msg proto.Message, b Budget) error {
	// No element takes less than a byte, and the decoder itself counts the depth.
	small := len(raw) <= min(b.Elements, b.Bytes)
	if !small {
		if err := Check(raw, msg, b); err != nil {
			return err
		}
	}
	opts := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: b.Depth}
	if err := opts.Unmarshal(raw, msg); err != nil {
		if small {
			if broken := Check(raw, msg, b); broken != nil {
				return broken // it knows whether the depth is at fault
			}
		}
		return fmt.Errorf("the bytes are no %s: %w", msg.ProtoReflect().Descriptor().Name(), err)
	}
	if v, ok := msg.(Validator); ok {
		return v.Validate()
	}
	return nil
}

// Check walks raw as an encoding of msg's type and says whether it is within the budget. It allocates nothing.
func Check(raw []byte, msg proto.Message, b Budget) error {
	if len(raw) > b.Bytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrBudget, len(raw), b.Bytes)
	}
	w := walk{left: b.Elements, budget: b}
	return w.message(raw, msg.ProtoReflect().Descriptor(), b.Depth)
}

type walk struct {
	left   int
	budget Budget
}

func (w *walk) spend(n int) error {
	if w.left -= n; w.left < 0 {
		return fmt.Errorf("%w: more than %d elements", ErrBudget, w.budget.Elements)
	}
	return nil
}

func (w *walk) message(raw []byte, md protoreflect.MessageDescriptor, depth int) error {
	if depth <= 0 {
		return fmt.Errorf("%w: nested deeper than %d", ErrBudget, w.budget.Depth)
	}
	for len(raw) > 0 {
		num, typ, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return protowire.ParseError(n)
		}
		raw = raw[n:]
		size := protowire.ConsumeFieldValue(num, typ, raw)
		if size < 0 {
			return protowire.ParseError(size)
		}
		if err := w.field(raw[:size], md.Fields().ByNumber(num), typ, depth); err != nil {
			return err
		}
		raw = raw[size:]
	}
	return nil
}

func (w *walk) field(value []byte, fd protoreflect.FieldDescriptor, typ protowire.Type, depth int) error {
	if err := w.spend(1); err != nil {
		return err
	}
	switch {
	case typ == protowire.StartGroupType:
		return errors.New("the message holds a group, which this protocol doesn't use")
	case typ != protowire.BytesType || fd == nil:
		return nil
	}
	content, _ := protowire.ConsumeBytes(value)
	if md := fd.Message(); md != nil {
		return w.message(content, md, depth-1)
	}
	if fd.IsList() {
		return w.spend(packed(content, fd.Kind()))
	}
	return nil
}

// packed counts the numbers of a packed list; 0 for lists of strings and bytes, which were counted one by one.
func packed(content []byte, k protoreflect.Kind) int {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind:
		return 0
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return len(content) / 4
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return len(content) / 8
	}
	n := 0
	for _, b := range content {
		n += bits.OnesCount8(^b & 0x80) // a varint ends with a byte whose top bit is clear
	}
	return n
}
