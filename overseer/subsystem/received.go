package subsystem

import (
	"reflect"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
)

// received is what a subsystem knows of one variant of its own enum.
type received struct {
	enum    protowire.Number
	variant *registry.Variant
	seconds prometheus.Observer
	of      reflect.Type  // of the messages
	bodies  reflect.Value // a slice of empty ones
	used    int           // of them
}

// receivedAs finds the variant with two field numbers, if it is of our enum.
func (l *loop) receivedAs(enum, field protowire.Number) *received {
	if r := l.lastOwn; r != nil && r.variant.Field == field && r.enum == enum {
		return r
	}
	r := l.own[field]
	if r == nil || r.enum != enum {
		v := l.dir.At(enum, field)
		if v == nil || v.Subsystem != l.spec.Name {
			return nil
		}
		r = &received{enum: enum, variant: v, of: reflect.TypeOf(v.New()).Elem(), seconds: l.stats.seconds.WithLabelValues(v.Short())}
		l.own[field] = r
	}
	l.lastOwn = r
	return r
}

// together is how many small things of one kind are allocated at once: a handler that keeps one keeps the others' memory.
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

// newMessage is an empty one. Nobody else will get it.
func (l *loop) newMessage() *Message {
	if len(l.spare) == 0 {
		l.spare = make([]Message, together)
	}
	m := &l.spare[0]
	l.spare = l.spare[1:]
	return m
}
