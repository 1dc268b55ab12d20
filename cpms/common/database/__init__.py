"""The database below the apps: threads, prepared queries, batches, paging, indexes."""
