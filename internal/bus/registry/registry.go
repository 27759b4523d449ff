// Package registry reads the protocol's descriptors once and answers what both ends of the bus must know of a variant:
// whose it is, on which lane it travels, what answers it. AllMessages is the directory of a node; there is no other
// registry.
package registry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/reevenet/reeve/internal/bus/wire"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Variant is what the bus knows of one variant.
type Variant struct {
	Name      protoreflect.FullName
	Subsystem string           // whose enum it is in, with dashes
	Enum      protowire.Number // field of AllMessages
	Field     protowire.Number // field of the enum
	Lane      wire.Lane
	Stream    bool
	RetrySafe bool

	message  protoreflect.MessageType
	response protoreflect.MessageType // nil: one-way
	routing  []protoreflect.FieldDescriptor
	byPeer   bool // the routing key is a peer's id
}

// Short is the variant's name without its package: what logs and metrics show.
func (v *Variant) Short() string { return string(v.Name.Name()) }

// IsRequest tells whether the variant has an answer.
func (v *Variant) IsRequest() bool { return v.response != nil }

func (v *Variant) New() proto.Message { return v.message.New().Interface() }

// NewResponse returns an empty answer, nil for one-way variants.
func (v *Variant) NewResponse() proto.Message {
	if v.response == nil {
		return nil
	}
	return v.response.New().Interface()
}

// ResponseName is the full name of the answer, empty for one-way variants.
func (v *Variant) ResponseName() protoreflect.FullName {
	if v.response == nil {
		return ""
	}
	return v.response.Descriptor().FullName()
}

// HasRoutingKey tells whether messages of this variant name a relay parent, a candidate or a peer.
func (v *Variant) HasRoutingKey() bool { return len(v.routing) > 0 }

// About is what of a routing key of this variant's messages can be the name of a trace: a relay parent or candidate.
func (v *Variant) About(key []byte) []byte {
	if v.byPeer {
		return nil
	}
	return key
}

// RoutingKey reads the relay parent, candidate or peer out of a message of this variant; nil when it has none.
func (v *Variant) RoutingKey(m proto.Message) []byte {
	if len(v.routing) == 0 {
		return nil
	}
	at := m.ProtoReflect()
	for _, f := range v.routing[:len(v.routing)-1] {
		at = at.Get(f).Message()
	}
	return at.Get(v.routing[len(v.routing)-1]).Bytes()
}

// Directory holds all variants.
type Directory struct {
	byName  map[protoreflect.FullName]*Variant
	byField [][]*Variant // by the two numbers, which are small
	enums   map[protowire.Number]string
}

// Node is the directory of AllMessages. It panics when the protocol contradicts itself, which a test of the protocol
// finds first.
func Node() *Directory { return node() }

var node = sync.OnceValue(func() *Directory {
	d, err := Of((&overseerv1.AllMessages{}).ProtoReflect().Descriptor())
	if err != nil {
		panic(err)
	}
	return d
})

// Of reads the directory of a message whose oneof fields are the subsystems' enums.
func Of(all protoreflect.MessageDescriptor) (*Directory, error) {
	d := &Directory{byName: map[protoreflect.FullName]*Variant{}, enums: map[protowire.Number]string{}}
	for i := range all.Fields().Len() {
		f := all.Fields().Get(i)
		d.enums[f.Number()] = strings.ReplaceAll(string(f.Name()), "_", "-")
		for j := range f.Message().Fields().Len() {
			if err := d.add(f, f.Message().Fields().Get(j)); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

func (d *Directory) add(enum, field protoreflect.FieldDescriptor) error {
	md := field.Message()
	opts, ok := proto.GetExtension(md.Options(), optionsv1.E_Variant).(*optionsv1.Variant)
	if !ok || opts.GetLane() == optionsv1.Lane_LANE_UNSPECIFIED {
		return fmt.Errorf("%s has no lane: every variant says how the bus carries it", md.FullName())
	}
	if d.byName[md.FullName()] != nil {
		return fmt.Errorf("%s stands in two enums: give each enum a message of its own", md.FullName())
	}
	mt, err := protoregistry.GlobalTypes.FindMessageByName(md.FullName())
	if err != nil {
		return err
	}
	v := &Variant{
		Name: md.FullName(), Subsystem: d.enums[enum.Number()], Enum: enum.Number(), Field: field.Number(),
		Lane:   wire.Lane(opts.Lane),
		Stream: opts.Stream, RetrySafe: opts.RetrySafe, message: mt,
	}
	if opts.Response != "" {
		name := md.FullName().Parent().Append(protoreflect.Name(opts.Response))
		if v.response, err = protoregistry.GlobalTypes.FindMessageByName(name); err != nil {
			return fmt.Errorf("%s is answered by %s, which doesn't exist", md.FullName(), name)
		}
	}
	if v.routing, err = path(md, opts.RoutingKey); err != nil {
		return err
	}
	v.byPeer = len(v.routing) > 0 && v.routing[len(v.routing)-1].Name() == "peer"
	d.byName[v.Name] = v
	d.byField = put(d.byField, v.Enum, put(d.row(v.Enum), v.Field, v))
	return nil
}

func path(md protoreflect.MessageDescriptor, dotted string) (fields []protoreflect.FieldDescriptor, err error) {
	if dotted == "" {
		return nil, nil
	}
	at := md
	for name := range strings.SplitSeq(dotted, ".") {
		if at == nil {
			return nil, fmt.Errorf("%s: routing key %q goes through a field that is no message", md.FullName(), dotted)
		}
		f := at.Fields().ByName(protoreflect.Name(name))
		if f == nil {
			return nil, fmt.Errorf("%s has no field %q for its routing key", md.FullName(), dotted)
		}
		fields, at = append(fields, f), f.Message()
	}
	if last := fields[len(fields)-1]; last.Kind() != protoreflect.BytesKind || last.IsList() {
		return nil, fmt.Errorf("%s: routing key %q is not bytes", md.FullName(), dotted)
	}
	return fields, nil
}

// Of returns the variant of a message; nil when it is in no enum.
func (d *Directory) Of(m proto.Message) *Variant {
	return d.byName[m.ProtoReflect().Descriptor().FullName()]
}

// Named returns the variant with a full name; nil when there is none.
func (d *Directory) Named(name string) *Variant { return d.byName[protoreflect.FullName(name)] }

// At returns the variant by its two field numbers; nil when there is none.
func (d *Directory) At(enum, field protowire.Number) *Variant {
	if row := d.row(enum); int(field) < len(row) {
		return row[field]
	}
	return nil
}

func (d *Directory) row(enum protowire.Number) []*Variant {
	if int(enum) < len(d.byField) {
		return d.byField[enum]
	}
	return nil
}

func put[T any](list []T, at protowire.Number, v T) []T {
	if n := int(at) + 1 - len(list); n > 0 {
		list = append(list, make([]T, n)...)
	}
	list[at] = v
	return list
}

// NameOf is the short name of the variant in an encoded AllMessages; empty when it isn't known.
func (d *Directory) NameOf(message []byte) string {
	enum, field, _, err := wire.Variant(message)
	if v := d.At(enum, field); err == nil && v != nil {
		return v.Short()
	}
	return ""
}

// SubsystemAt is the name of the subsystem whose enum is field number enum; empty when there is none.
func (d *Directory) SubsystemAt(enum protowire.Number) string { return d.enums[enum] }

// Subsystems lists the names, in the order of AllMessages.
func (d *Directory) Subsystems() []string {
	var names []string
	for _, n := range slices.Sorted(maps.Keys(d.enums)) {
		names = append(names, d.enums[n])
	}
	return names
}

// Variants lists the variants of one subsystem, by field number.
func (d *Directory) Variants(subsystem string) (out []*Variant) {
	for _, v := range d.byName {
		if v.Subsystem == subsystem {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b *Variant) int { return cmp.Compare(a.Field, b.Field) })
	return out
}
