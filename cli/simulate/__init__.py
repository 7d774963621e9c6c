"""`billing simulate`: a cohort of customers lives through months on test clocks, and the books are checked."""
