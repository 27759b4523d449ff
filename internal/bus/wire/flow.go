package wire

import (
	"slices"

	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Processed is the protocol's Processed: running counts of one-way messages per lane, and of requests.
type Processed struct {
	Lanes     [LaneCount]uint64
	SignalSeq uint64
	Requests  uint64
}

// Append appends the encoding. Lanes that stand at zero are left out.
func (p *Processed) Append(b []byte) []byte {
	m := &overseerv1.Processed{SignalSequence: p.SignalSeq, Requests: p.Requests}
	for lane, count := range p.Lanes {
		if count > 0 {
			m.Lanes = append(m.Lanes, &overseerv1.LaneCount{Lane: optionsv1.Lane(lane), Count: count})
		}
	}
	return appendMessage(b, m)
}

// ParseProcessed decodes what Append wrote.
func ParseProcessed(b []byte) (p Processed, err error) {
	var m overseerv1.Processed
	if err := m.UnmarshalVT(b); err != nil {
		return p, malformed(err)
	}
	p.SignalSeq, p.Requests = m.GetSignalSequence(), m.GetRequests()
	for _, l := range m.GetLanes() {
		lane, err := laneOf(l.GetLane())
		if err != nil {
			return p, err
		}
		p.Lanes[lane] = l.GetCount()
	}
	return p, nil
}

// Window is an amount of messages: what may be unfinished, or what is.
type Window struct{ Messages, Bytes int }

// EdgeCredit is the protocol's EdgeCredit.
type EdgeCredit struct {
	To       string
	Chain    string
	Lane     Lane
	Messages uint32
	Bytes    uint32
	Finished []uint64
}

// AppendCredit appends the encoding of Credit.
func AppendCredit(b []byte, edges []EdgeCredit) []byte {
	m := &overseerv1.Credit{}
	for _, e := range edges {
		m.Edges = append(m.Edges, &overseerv1.EdgeCredit{
			To: e.To, Chain: e.Chain, Lane: optionsv1.Lane(e.Lane), Messages: e.Messages, Bytes: e.Bytes,
			Finished: e.Finished,
		})
	}
	return appendMessage(b, m)
}

// ParseCredit decodes what AppendCredit wrote.
func ParseCredit(b []byte) (edges []EdgeCredit, err error) {
	var m overseerv1.Credit
	if err := m.UnmarshalVT(b); err != nil {
		return nil, malformed(err)
	}
	for _, e := range m.GetEdges() {
		lane, err := laneOf(e.GetLane())
		if err != nil {
			return nil, err
		}
		edges = append(edges, EdgeCredit{e.GetTo(), e.GetChain(), lane, e.GetMessages(), e.GetBytes(), e.GetFinished()})
	}
	return edges, nil
}

func laneOf(l optionsv1.Lane) (Lane, error) {
	if l < 0 || l >= optionsv1.Lane(LaneCount) {
		return 0, malformed("a lane beyond the last")
	}
	return Lane(l), nil
}

// message is one whose codec is generated.
type message interface {
	SizeVT() int
	MarshalToSizedBufferVTStrict(b []byte) (int, error)
}

// appendMessage appends the encoding of a message.
func appendMessage(b []byte, m message) []byte {
	size := m.SizeVT()
	b = slices.Grow(b, size)
	end := len(b) + size
	_, _ = m.MarshalToSizedBufferVTStrict(b[len(b):end]) // can't fail: it holds no messages of another kind
	return b[:end]
}
