package decode

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
)

var budget = Budget{Bytes: 1 << 20, Elements: 1000, Depth: 8}

func TestAMillionEmptyMessagesCostNothing(t *testing.T) {
	var bomb []byte
	for len(bomb) < 1<<20-16 {
		bomb = protowire.AppendBytes(protowire.AppendTag(bomb, 1, protowire.BytesType), nil) // ListValue.values
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := Unmarshal(bomb, &structpb.ListValue{}, budget)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrBudget) {
		t.Fatalf("half a million elements: %v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<10 {
		t.Fatalf("refusing it took %d bytes of memory", grown)
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	var v []byte
	for range 100 { // Value.list_value.values, a hundred times
		v = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), v)
		v = protowire.AppendBytes(protowire.AppendTag(nil, 6, protowire.BytesType), v)
	}
	if err := Unmarshal(v, &structpb.Value{}, budget); !errors.Is(err, ErrBudget) {
		t.Fatalf("a hundred levels: %v", err)
	}
}

func TestPackedListsAreCounted(t *testing.T) {
	path := make([]int32, 2000)
	raw, err := proto.Marshal(&descriptorpb.SourceCodeInfo_Location{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal(raw, &descriptorpb.SourceCodeInfo_Location{}, budget); !errors.Is(err, ErrBudget) {
		t.Fatalf("2000 packed numbers: %v", err)
	}
}

func TestWhatFitsIsRead(t *testing.T) {
	want := structpb.NewStringValue("hello")
	raw, _ := proto.Marshal(want)
	got := &structpb.Value{}
	if err := Unmarshal(raw, got, budget); err != nil || !proto.Equal(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
	if err := Unmarshal(raw, got, Budget{Bytes: 3, Elements: 9, Depth: 9}); !errors.Is(err, ErrBudget) {
		t.Fatalf("7 bytes with a budget of 3: %v", err)
	}
}

type strict struct{ *structpb.Value }

var errStrict = errors.New("never good enough")

func (strict) Validate() error { return errStrict }

func TestTheMessageHasTheLastWord(t *testing.T) {
	if err := Unmarshal(nil, strict{&structpb.Value{}}, budget); !errors.Is(err, errStrict) {
		t.Fatalf("Validate wasn't asked: %v", err)
	}
}

func TestAMessageTooSmallToExceedItsBudgetIsHeldToItsDepthAllTheSame(t *testing.T) {
	nested := func(levels int) []byte { // levels lists and values, one in the other
		v := structpb.NewNullValue()
		for range (levels - 1) / 2 {
			v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
		}
		raw, err := proto.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for levels := 1; levels < 15; levels += 2 {
		err := Unmarshal(nested(levels), &structpb.Value{}, budget)
		if within := levels <= budget.Depth; (err == nil) != within || !within && !errors.Is(err, ErrBudget) {
			t.Errorf("%d levels with a budget of %d: %v", levels, budget.Depth, err)
		}
	}
}

// FuzzUnmarshal: whatever the bytes, no panic; and what Check lets through has no more elements than the budget says.
func FuzzUnmarshal(f *testing.F) {
	good, _ := proto.Marshal(structpb.NewStringValue("x"))
	f.Add(good)
	f.Add(bytes.Repeat([]byte{0x0a, 0x00}, 100))
	f.Add([]byte{0x0b, 0x0c})
	f.Fuzz(func(t *testing.T, raw []byte) {
		small := Budget{Bytes: 4096, Elements: 50, Depth: 5}
		msg := &structpb.ListValue{}
		err := Unmarshal(raw, msg, small)
		if err == nil && len(msg.Values) > 50 {
			t.Fatalf("%d elements got through", len(msg.Values))
		}
		if over := Check(raw, msg, small); err == nil && errors.Is(over, ErrBudget) {
			t.Fatalf("it was read, and is not within its budget: %v", over)
		}
	})
}

func TestACodecReadsWhatFitsAndRefusesTheRest(t *testing.T) {
	c := NewCodec(budget)
	read := func(values int) error {
		raw, err := c.Marshal(&structpb.ListValue{Values: make([]*structpb.Value, values)})
		if err != nil {
			t.Fatal(err)
		}
		return c.Unmarshal(raw, &structpb.ListValue{})
	}
	if err := read(900); err != nil {
		t.Errorf("900 elements with a budget of %d: %v", budget.Elements, err)
	}
	if err := read(2000); !errors.Is(err, ErrBudget) {
		t.Errorf("2000 elements with a budget of %d: %v", budget.Elements, err)
	}
}
