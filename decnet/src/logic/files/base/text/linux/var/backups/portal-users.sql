-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: db01    Database: portal
-- ------------------------------------------------------

DROP TABLE IF EXISTS `users`;
CREATE TABLE `users` (
  `id` int unsigned NOT NULL AUTO_INCREMENT,
  `login` varchar(64) NOT NULL,
  `mail` varchar(128) NOT NULL,
  `password` char(60) NOT NULL,
  `role` enum('admin','staff','customer') NOT NULL DEFAULT 'customer',
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

LOCK TABLES `users` WRITE;
INSERT INTO `users` VALUES
(1,'admin','it@portal.lan','$2y$10$@{pass:u1:53}','admin'),
(2,'mkeller','m.keller@portal.lan','$2y$10$@{pass:u2:53}','staff'),
(3,'sbrandt','s.brandt@portal.lan','$2y$10$@{pass:u3:53}','staff'),
(4,'jnovak','j.novak@portal.lan','$2y$10$@{pass:u4:53}','customer');
UNLOCK TABLES;
