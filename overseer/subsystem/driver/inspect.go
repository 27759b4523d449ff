package driver

import "github.com/reevenet/reeve/internal/bus/wire"

// What tests and simulations want to know of a machine that isn't running.

// Open is how many asks, served requests and offloaded works are open: all zero when it is at rest.
func (m *Machine) Open() (asks, serving, offloaded int) {
	return len(m.asks.open), len(m.served.open), m.offloaded
}

// Parked is how many messages and asks wait for credit, and what they cost of it.
func (m *Machine) Parked() (messages, bytes int) {
	for _, e := range m.edges.order {
		for _, o := range e.parked.all() {
			messages, bytes = messages+1, bytes+o.size
		}
	}
	return messages, bytes
}

// ID is the id of the n'th message that it sent.
func (m *Machine) ID(n uint64) [16]byte { return wire.NewID(m.headers.origin, n) }

// Unknown counts the messages that the program didn't know.
func (m *Machine) Unknown() uint64 { return m.count.unknown }

// Shed counts the gossip that was not sent because its receiver had no room.
func (m *Machine) Shed() uint64 { return m.count.shed }

// Dropped counts the late and duplicate ends that were dropped, and the double ones that should never be.
func (m *Machine) Dropped() (late, double uint64) { return m.count.late, m.count.double }
