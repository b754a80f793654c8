package web

// SelectionPage are the props of the page that gives the names of workflows in
// the forms that people paste elsewhere.
type SelectionPage struct {
	Frame
	Notes       []Note
	Total       int64 // workflows that the query finds
	Shown       int64 // of those, on this page
	Line        string
	List        string // address of the list
	Names, JSON string // one a line; as a JSON list
	Export      Export
	NamesOnly   string // address of a file with all names
	System      string // that Links lead to
	Links       []Link
}

// ChangedPage are the props of the page on what changed.
type ChangedPage struct {
	Frame
	Notes                   []Note
	Since                   string // generation that is compared with; "" for none
	Reset                   bool   // it is no longer known
	Added, Changed, Removed int64
	Rows                    List     // of those added and changed
	Gone                    []string // names
	Cut                     bool     // there are more than are shown
	From                    int64    // Unix s
	Choices                 []Choice
	ByStatus                []StatusCount
	Moved                   List
	All                     string // Moved as a list
}

// StatusCount is a status with how many workflows entered it.
type StatusCount struct {
	Status string
	Count  int64
	Href   string
}
