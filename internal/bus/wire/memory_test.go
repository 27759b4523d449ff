package wire

import "testing"

func TestMemoryComesBackWhenNobodyRefersToIt(t *testing.T) {
	var s Spare
	m := s.Take()
	m.Bytes = append(m.Bytes, make([]byte, 1000)...)
	held := m.Hold()
	m.Release()
	if other := s.Take(); other == m {
		t.Fatal("memory that is held was given away")
	}
	held.Release()
	if !m.Free() {
		t.Error("it isn't free")
	}
	if again := s.Take(); again != m || len(again.Bytes) != 0 || cap(again.Bytes) < 1000 || again.Free() {
		t.Errorf("it was not used again: %d of %d bytes", len(again.Bytes), cap(again.Bytes))
	}
	var none *Memory
	none.Hold().Release()
}

func TestSpareMemoryIsBounded(t *testing.T) {
	var s Spare
	var taken []*Memory
	for range 100 {
		m := s.Take()
		m.Bytes = make([]byte, 0, maxBuffer)
		taken = append(taken, m)
	}
	large := s.Take()
	large.Bytes = make([]byte, 0, maxBuffer+1)
	large.Release()
	if s.bytes != 0 {
		t.Errorf("a buffer of %d bytes was kept", maxBuffer+1)
	}
	for _, m := range taken {
		m.Release()
	}
	if s.bytes != maxSpare || len(s.free)*maxBuffer != maxSpare {
		t.Errorf("%d buffers with %d bytes are kept", len(s.free), s.bytes)
	}
}
