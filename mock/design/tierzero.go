package design

// Names of Tier-0's databases.
const (
	TierZeroRequestDB = "t0_request"
	TierZeroWMStatsDB = "tier0_wmstats"
	TierZeroLogDB     = "t0_logdb"
)

// TierZeroDatabases lists Tier-0's databases that hold documents.
func TierZeroDatabases() []string {
	return []string{TierZeroRequestDB, TierZeroWMStatsDB, TierZeroLogDB}
}

// TierZeroViews lists the views of Tier-0's databases: those of production
// under other names.
func TierZeroViews() []View {
	var out []View
	for _, v := range Views() {
		switch v.DB {
		case RequestDB:
			switch v.Name {
			case "bystatus", "bystatusandtime", "byrequest": // T0Request has no others
				v.DB, v.Design = TierZeroRequestDB, "T0Request"
				out = append(out, v)
			}
		case WMStatsDB:
			v.DB = TierZeroWMStatsDB
			out = append(out, v)
		case LogDB:
			v.DB = TierZeroLogDB
			out = append(out, v)
		}
	}
	return out
}

// TierZeroDocuments returns the design documents that hold TierZeroViews.
func TierZeroDocuments() ([]Document, error) { return documents(TierZeroViews()) }
