package overseer

import (
	"crypto/subtle"
	"errors"
	"io/fs"
	"slices"
	"syscall"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Protocol is the version of the bus protocol that this overseer speaks.
const Protocol = 1

// admit checks a hello: version, token, declared edges.
func (c *Core) admit(h *overseerv1.Hello) (broker.Attach, error) {
	none := broker.Attach{}
	d := h.GetDeclaration()
	if h.GetSubsystem() == "" || d == nil {
		return none, refuse(Malformed, "a hello names its subsystem and declares its edges")
	}
	if h.ProtocolMin > Protocol || h.ProtocolMax < Protocol {
		return none, refuse(Incompatible,
			"%s speaks versions %d to %d of the bus protocol and this overseer speaks %d: bring both to a common version",
			h.Subsystem, h.ProtocolMin, h.ProtocolMax, Protocol)
	}
	if err := c.checkToken(h); err != nil {
		return none, err
	}
	a := broker.Attach{
		Subsystem: h.Subsystem, Name: h.Instance, Class: orSingle(d.Class), Chain: h.Chain, Declared: map[string]bool{},
		Pid: h.Pid, Previous: h.PreviousGeneration,
	}
	if a.Name == "" {
		a.Name = h.Subsystem
	}
	err := c.edges(h, &a)
	return a, err
}

func (c *Core) checkToken(h *overseerv1.Hello) error {
	if c.cfg.Token == nil {
		return nil
	}
	want, err := c.cfg.Token(h.Subsystem)
	var broken *errcode.Error
	switch {
	case isFault(err): // ours, which may pass
		c.log.Error("a token can't be read", "subsystem", h.Subsystem, "err", err)
		return refuse(Unready, "the overseer can't read the token of %s: %v", h.Subsystem, err)
	case errors.As(err, &broken) && broken.ID == errcode.KeyBroken:
		c.log.Error("a token can't be used", "subsystem", h.Subsystem, "err", err)
		return refuse(Unauthenticated, "the overseer can't use the token of %s: %v", h.Subsystem, err)
	case err != nil || len(want) == 0 || subtle.ConstantTimeCompare(want, h.Token) != 1:
		return refuse(Unauthenticated, "%s didn't show the token of its role: give it REEVE_TOKEN_FILE", h.Subsystem)
	}
	return nil
}

// isFault tells whether an error is one of the machine's (no descriptor, no right, a broken disk), not that there is no
// such token.
func isFault(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && !errors.Is(err, fs.ErrNotExist)
}

// edges checks what an instance declares against its Spec, or against the graph when it has none, and notes it in a.
func (c *Core) edges(h *overseerv1.Hello, a *broker.Attach) error {
	type edge struct {
		to   string
		lane wire.Lane
	}
	edges := map[edge]bool{}
	known, isKnown := c.graph.declared[h.Subsystem]
	if isKnown && a.Class != orSingle(c.graph.specs[h.Subsystem].Class) {
		return refuse(Forbidden, "%s is %s, this instance says otherwise", h.Subsystem,
			broker.ClassName(orSingle(c.graph.specs[h.Subsystem].Class)))
	}
	for _, name := range append(append([]string(nil), h.Declaration.Sends...), h.Declaration.Asks...) {
		v := c.dir.Named(name)
		if v == nil {
			return refuse(Forbidden, "%s declares %s, which is no variant of any enum here", h.Subsystem, name)
		}
		if isKnown && !known[name] {
			return refuse(Forbidden, "%s declares %s, which its Spec in this node doesn't have", h.Subsystem, name)
		}
		a.Declared[name] = true
		edges[edge{v.Subsystem, v.Lane}] = true
		if !slices.Contains(a.Targets, v.Subsystem) {
			a.Targets = append(a.Targets, v.Subsystem)
		}
	}
	a.Edges = len(edges)
	slices.Sort(a.Targets)
	if !isKnown {
		if cycle := c.graph.cycleWith(h.Subsystem, h.Declaration.Asks); cycle != "" {
			return refuse(Forbidden, "the asks of %s would close a cycle: %s", h.Subsystem, cycle)
		}
	}
	return nil
}

// orSingle is a class, which is Single where none is said.
func orSingle(c subsystem.Class) broker.Class { return max(c, subsystem.Single) }
