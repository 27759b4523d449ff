package wire

// Memory is a buffer in which messages lie. Whoever refers to it holds it; when nobody does any more it goes back to
// where it came from, to be filled again. One that is held for ever, because what referred to it was dropped, costs
// nothing: it is collected. It is nobody's to use from several goroutines at once. A nil Memory is memory that is never
// used again.
type Memory struct {
	Bytes []byte

	held int
	home *Spare
}

// Spare is memory to be used again. Its zero value is empty.
type Spare struct {
	free  []*Memory
	bytes int // in free
}

// How many bytes are kept, and in how large a buffer: what a large message needed is let go.
const (
	maxSpare  = 1 << 20
	maxBuffer = 256 << 10
)

// Take gives memory to who holds it from now on: Bytes are an empty slice, of any capacity.
func (s *Spare) Take() *Memory {
	m := &Memory{home: s}
	if n := len(s.free); n > 0 {
		m, s.free = s.free[n-1], s.free[:n-1]
		s.bytes -= cap(m.Bytes)
	}
	m.held = 1
	return m
}

// Hold notes that somebody more refers to it.
func (m *Memory) Hold() *Memory {
	if m != nil {
		m.held++
	}
	return m
}

// Release notes that somebody doesn't refer to it any more.
func (m *Memory) Release() {
	if m == nil {
		return
	}
	m.held--
	s := m.home
	if m.held > 0 || s == nil || cap(m.Bytes) > maxBuffer || s.bytes+cap(m.Bytes) > maxSpare {
		return
	}
	m.Bytes = m.Bytes[:0]
	s.bytes += cap(m.Bytes)
	s.free = append(s.free, m)
}

// Free tells whether nobody refers to it.
func (m *Memory) Free() bool { return m.held == 0 }
