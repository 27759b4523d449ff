package httpproxy

import (
	"net/http"
	"strconv"
)

// CostHeader is where a VM says how many calls more than one an answer has cost it: so many of the caller's are used
// up by it. It isn't shown to the caller.
const CostHeader = "Reeve-Cost"

// Cost takes what an answer says that it has cost; 0: nothing but itself.
func Cost(r *http.Response) int {
	n, err := strconv.Atoi(r.Header.Get(CostHeader))
	r.Header.Del(CostHeader)
	if err != nil {
		return 0
	}
	return n
}
