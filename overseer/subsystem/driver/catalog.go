package driver

import (
	"reflect"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// catalog is what a machine knows of the variants that its program sends and is sent.
type catalog struct {
	dir        *registry.Directory
	declared   Declaration
	chain      string
	maxMessage int // in bytes
	stats      *stats

	uses    map[protoreflect.MessageType]*use
	lastUse *use
	own     map[protowire.Number]*received
	lastOwn *received
}

// use is one of the variants that the program sends or asks.
type use struct {
	of       protoreflect.MessageType
	variant  *registry.Variant
	declared bool
	edge     *edge // of the chain that it was last about; nil until it is used
}

// use finds out what a message is; nil when it is in no enum.
func (c *catalog) use(msg proto.Message) *use {
	of := msg.ProtoReflect().Type()
	if c.lastUse != nil && c.lastUse.of == of {
		return c.lastUse
	}
	u := c.uses[of]
	if u == nil {
		v := c.dir.Of(msg)
		if v == nil {
			return nil
		}
		u = &use{of: of, variant: v, declared: c.declares(v)}
		c.uses[of] = u
	}
	c.lastUse = u
	return u
}

func (c *catalog) declares(v *registry.Variant) bool {
	list := c.declared.Sends
	if v.IsRequest() {
		list = c.declared.Asks
	}
	return slices.ContainsFunc(list, func(m proto.Message) bool {
		return m.ProtoReflect().Descriptor().FullName() == v.Name
	})
}

// check finds what keeps a message from being sent about a chain, whatever the credit. Its size is that of the variant.
func (c *catalog) check(chain string, msg proto.Message, request bool) (u *use, size int, f *wire.Failure) {
	u = c.use(msg)
	switch {
	case u == nil:
		return nil, 0, failf(refused, "%s is no variant of any subsystem's enum",
			msg.ProtoReflect().Descriptor().FullName())
	case u.variant.IsRequest() != request && request:
		return u, 0, failf(refused, "%s is one-way: Send it", u.variant.Short())
	case u.variant.IsRequest() != request:
		return u, 0, failf(refused, "%s has an answer: Ask it", u.variant.Short())
	case c.declared.Class == overseerv1.Declaration_CLASS_PER_CHAIN && chain != c.chain:
		return u, 0, failf(refused, "this %s serves chain %s alone: it can't send %s to chain %s",
			c.declared.Name, c.chain, u.variant.Short(), chain)
	case !u.declared:
		return u, 0, failf(refused, "%s doesn't declare %s: add it to its Spec", c.declared.Name, u.variant.Name)
	}
	size = proto.Size(msg)
	return u, size, c.fits(u.variant.Name, size+wire.VariantHeader)
}

// fits refuses what is longer than the bus takes.
func (c *catalog) fits(what protoreflect.FullName, size int) *wire.Failure {
	if size <= c.maxMessage {
		return nil
	}
	return failf(refused, "%s has %d bytes and the bus takes %d: "+
		"put large things in the blob store and send their reference", what, size, c.maxMessage)
}

// received is one variant of the program's own enum.
type received struct {
	enum    protowire.Number
	variant *registry.Variant
	seconds prometheus.Observer
	of      reflect.Type  // of the messages
	bodies  reflect.Value // a slice of empty ones
	used    int           // of them
}

// received finds the variant with two field numbers, if it is of our enum.
func (c *catalog) received(enum, field protowire.Number) *received {
	if r := c.lastOwn; r != nil && r.variant.Field == field && r.enum == enum {
		return r
	}
	r := c.own[field]
	if r == nil || r.enum != enum {
		v := c.dir.At(enum, field)
		if v == nil || v.Subsystem != c.declared.Name {
			return nil
		}
		r = &received{enum: enum, variant: v, of: reflect.TypeOf(v.New()).Elem(),
			seconds: c.stats.seconds.WithLabelValues(v.Short())}
		c.own[field] = r
	}
	c.lastOwn = r
	return r
}

// together is how many small messages of one kind are allocated at once: a handler that keeps one keeps the others'
// memory.
const together = 16

// smallBody is the length in bytes up to which messages are small.
const smallBody = 512

// body is an empty message for so many bytes.
func (r *received) body(size int) proto.Message {
	if size > smallBody {
		return r.variant.New()
	}
	if !r.bodies.IsValid() || r.used == r.bodies.Len() {
		r.bodies, r.used = reflect.MakeSlice(reflect.SliceOf(r.of), together, together), 0
	}
	r.used++
	m, _ := r.bodies.Index(r.used - 1).Addr().Interface().(proto.Message) // as its pointer type is one
	return m
}
