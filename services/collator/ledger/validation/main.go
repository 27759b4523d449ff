// Command validation is the ledger's validation code: what every validator runs.
package main

import (
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
	"github.com/reevenet/reeve/services/collator/ledger"
)

func init() { guest.Serve(validate) }

func main() {} // never called

func validate(p guest.Params) (guest.Outputs, error) {
	head, _, err := ledger.Validate(p.ParentHead, p.BlockData)
	return guest.Outputs{HeadData: head}, err
}
