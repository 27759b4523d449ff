package main

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/collate"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

func TestABlockOfTheLedgerIsOneLineBelowItsHeader(t *testing.T) {
	ms := time.Millisecond
	b := collate.Block{Number: 12, Transfers: 3, Seconded: 40 * ms, Backed: 90 * ms, Included: 620 * ms, In: 45,
		Final: 650 * ms}
	want := "     12          3        40      90       620              45    650"
	if got := blockLine(b); got != want || len(got) != len(blockHeader) {
		t.Errorf("%q\n%q\n%q", blockHeader, want, got)
	}
	b = collate.Block{Number: 13, Seconded: 40 * ms, After: 900 * ms, Refused: &primitivesv1.CollationRefused{
		Reason: primitivesv1.CollationRefusal_COLLATION_REFUSAL_NOT_BACKED_IN_TIME,
		Detail: "a validator's\x1b[2Jword\n"}}
	want = "     13          0        40       -  refused after 900: not backed in time: a validator's?[2Jword?"
	if got := blockLine(b); got != want {
		t.Errorf("%q\n%q", want, got)
	}
}
