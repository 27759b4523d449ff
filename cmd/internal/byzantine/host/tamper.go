package host

import (
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	availabilitydistributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// noise is random bytes.
func noise(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return b
}

// tampering changes what is sent to peers, message by message.
type tampering struct {
	*liar
	change func(r *rand.Rand, m proto.Message) proto.Message // nil: nothing is sent
}

// Send is subsystem.Interceptor.
func (t tampering) Send(m proto.Message) []proto.Message {
	if m = t.change(t.sub.Rand(), m); m == nil {
		return nil
	}
	return []proto.Message{m}
}

// Ask is subsystem.Interceptor.
func (tampering) Ask(proto.Message) proto.Message { return nil }

// answer has another payload sent in the place of an answer's.
func answer[M proto.Message](m proto.Message, payload M, change func(M)) proto.Message {
	r, is := m.(*nbv1.SendResponse)
	if !is || r.GetOutcome() == nil || r.GetError() != nil || proto.Unmarshal(r.GetPayload(), payload) != nil {
		return m
	}
	change(payload)
	b, err := proto.Marshal(payload)
	if err != nil {
		return m
	}
	return &nbv1.SendResponse{Peer: r.GetPeer(), RequestId: r.GetRequestId(),
		Outcome: &nbv1.SendResponse_Payload{Payload: b}}
}

// wrongProof answers with a proof of validity that differs in a bit.
func wrongProof(r *rand.Rand, m proto.Message) proto.Message {
	return answer(m, &povdistributionv1.Part{}, func(p *povdistributionv1.Part) { flip(r, p.GetBytes()) })
}

// noChunk sends none, and answers that there is none.
func noChunk(_ *rand.Rand, m proto.Message) proto.Message {
	if _, is := m.(*nbv1.SendBulk); is {
		return nil
	}
	return answer(m, &availabilitydistributionv1.Part{},
		func(p *availabilitydistributionv1.Part) { proto.Reset(p) })
}

// wrongChunk sends chunks that differ in a bit.
func wrongChunk(r *rand.Rand, m proto.Message) proto.Message {
	bulk, is := m.(*nbv1.SendBulk)
	if !is {
		return answer(m, &availabilitydistributionv1.Part{},
			func(p *availabilitydistributionv1.Part) { flip(r, p.GetBytes()) })
	}
	var p availabilitydistributionv1.Pushed
	if proto.Unmarshal(bulk.GetPayload(), &p) != nil {
		return m
	}
	flip(r, p.GetChunk())
	b, err := proto.Marshal(&p)
	if err != nil {
		return m
	}
	return &nbv1.SendBulk{Peers: bulk.GetPeers(), Protocol: bulk.GetProtocol(), Payload: b}
}

func flip(r *rand.Rand, b []byte) {
	if len(b) > 0 {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	}
}

// boaster has bitfield-signing believe that each chunk is here.
type boaster struct{}

// Send is subsystem.Interceptor.
func (boaster) Send(m proto.Message) []proto.Message { return []proto.Message{m} }

// Ask is subsystem.Interceptor.
func (boaster) Ask(req proto.Message) proto.Message {
	if _, is := req.(*availabilitystorev1.QueryChunkAvailability); is {
		return &availabilitystorev1.QueryChunkAvailabilityResponse{Available: true}
	}
	return nil
}

// flood says everything many times, with noise in between.
type flood struct{ *liar }

const (
	floodTimes = 20
	floodNoise = 200 // bytes
)

// Send is subsystem.Interceptor.
func (f flood) Send(m proto.Message) []proto.Message {
	said, is := m.(*nbv1.SendMessage)
	if !is {
		return []proto.Message{m}
	}
	list := []proto.Message{m}
	for range floodTimes {
		list = append(list, m, f.stranger(said))
	}
	return append(list, &nbv1.SendMessage{
		Peers: said.GetPeers(), Protocol: said.GetProtocol(), Payload: noise(f.sub.Rand(), floodNoise),
	})
}

// stranger is a message like another, whose statements have signatures of nobody.
func (f flood) stranger(said *nbv1.SendMessage) proto.Message {
	var w statementdistributionv1.Wire
	if proto.Unmarshal(said.GetPayload(), &w) != nil {
		return said
	}
	for _, s := range w.GetStatements().GetStatements() {
		s.Signature = noise(f.sub.Rand(), len(s.GetSignature()))
	}
	b, err := proto.Marshal(&w)
	if err != nil {
		return said
	}
	return &nbv1.SendMessage{Peers: said.GetPeers(), Protocol: said.GetProtocol(), Payload: b}
}

// Ask is subsystem.Interceptor.
func (flood) Ask(proto.Message) proto.Message { return nil }
