package para

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// What the played relay chain and validators say is what real ones would: or else the parts are measured at refusing it.
func TestWhatIsPlayedHolds(t *testing.T) {
	w := newWorld(10)
	block := blockHash(1)
	in := signbytes.Context{Session: session, RelayParent: block}
	b, err := parachain.Bitfield(w.signed(block, 3))
	if err != nil || !parachain.VerifyBitfield(in, b, w.list[3].GetPublicKey()) || b.Cores.Count() != 10 {
		t.Errorf("a bitfield of %d cores: %v", b.Cores.Count(), err)
	}
	r := w.candidate(block, 2, primitives.Hash{9})
	for _, v := range group(2) {
		s, err := parachain.Statement(w.statement(block, v, signbytes.Valid, r))
		if err != nil || !parachain.VerifyStatement(in, s, w.list[v].GetPublicKey()) || s.Candidate != hashOf(r) {
			t.Errorf("a statement of validator %d: %v", v, err)
		}
	}
	w.occupy(block, append(w.candidates[block], r))
	cores := w.answer(block, &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_AvailabilityCores{}})
	id := hashOf(r)
	if on := cores.GetAvailabilityCores().GetCores(); len(on) != 1 || string(on[0].GetOccupied().GetCandidate()) != string(id[:]) {
		t.Errorf("on the cores: %v", on)
	}
	seen := map[uint32]bool{}
	for core := range validators / groupSize {
		for _, v := range group(core) {
			seen[v] = true
		}
	}
	if len(seen) != validators {
		t.Errorf("%d validators are in groups", len(seen))
	}
}

func TestTheVerifyingSidesHaveAFigureForEachRound(t *testing.T) {
	rows, err := verifying(t.Context(), Config{Rounds: 2})
	if err != nil || len(rows) != 1 || rows[0].N != 2 || rows[0].Ours <= 0 || rows[0].Peer <= 0 {
		t.Errorf("%+v, %v", rows, err)
	}
}
