using System.Collections.Generic;
using System.IO;
using UnityEditor;
using UnityEditor.SceneManagement;
using UnityEngine;

namespace Spark.TopDownAction.Editor
{
    /// <summary>
    /// Makes the playable scene out of the map in Levels/Arena01.txt (# wall, P player, S where enemies come in) and saves it.
    /// In batch mode: -executeMethod Spark.TopDownAction.Editor.TopDownSceneBuilder.Build
    /// </summary>
    public static class TopDownSceneBuilder
    {
        private const string Folder = "Assets/Spark/TopDownAction/";
        private const string Tiles = Folder + "Textures/Tiles.png";
        private const string Characters = Folder + "Textures/Characters.png";
        private const string LevelPath = Folder + "Levels/Arena01.txt";

        [MenuItem("Spark/Top-Down Action/Rebuild Scene")]
        public static void Build()
        {
            var scene = EditorSceneManager.NewScene(NewSceneSetup.EmptyScene, NewSceneMode.Single);
            string[] rows = AssetDatabase.LoadAssetAtPath<TextAsset>(LevelPath).text.TrimEnd().Split('\n');
            int height = rows.Length;
            int width = 0;
            Vector2 start = Vector2.zero;
            var spawnPoints = new List<Transform>();
            var arena = new GameObject("Arena").transform;
            for (int row = 0; row < height; row++)
            {
                string line = rows[row].TrimEnd('\r');
                width = Mathf.Max(width, line.Length);
                for (int column = 0; column < line.Length; column++)
                {
                    int length = RunLength(line, column);
                    var position = new Vector2(column + length * 0.5f, height - row - 0.5f);
                    if (line[column] == '#') AddWall(position, length, arena);
                    else if (line[column] == 'P') start = position;
                    else if (line[column] == 'S') spawnPoints.Add(AddSprite("Spawn Point", Tiles, "portal", position, -5, arena).transform);
                    column += length - 1;
                }
            }

            var bounds = new Rect(0f, 0f, width, height);
            AddFloor(bounds);
            ProjectilePool pool = AddPool();
            PlayerMovement player = AddPlayer(start, pool);
            var health = player.GetComponent<Health>();
            EnemySpawner spawner = AddSpawner(health, spawnPoints);
            var game = new GameObject("Game").AddComponent<GameManager>().Set("player", player).Set("playerHealth", health).Set("spawner", spawner);
            new GameObject("Hud").AddComponent<Hud>().Set("game", game);
            AddCamera(player, bounds);
            Directory.CreateDirectory(Path.GetDirectoryName(BuildConfiguration.ScenePath));
            EditorSceneManager.SaveScene(scene, BuildConfiguration.ScenePath);
            BuildConfiguration.Apply();
        }

        private static int RunLength(string line, int column)
        {
            int end = column + 1;
            if (line[column] != '#') return 1;
            while (end < line.Length && line[end] == '#') end++;
            return end - column;
        }

        private static GameObject AddSprite(string name, string sheet, string sprite, Vector2 position, int order, Transform parent)
        {
            var made = new GameObject(name);
            made.transform.SetParent(parent);
            made.transform.position = position;
            var renderer = made.AddComponent<SpriteRenderer>();
            renderer.sprite = SpriteSheets.Find(sheet, sprite);
            renderer.sortingOrder = order;
            return made;
        }

        private static void AddWall(Vector2 position, int length, Transform parent)
        {
            GameObject made = AddSprite("Wall", Tiles, "wall", position, 0, parent);
            var renderer = made.GetComponent<SpriteRenderer>();
            renderer.drawMode = SpriteDrawMode.Tiled;
            renderer.size = new Vector2(length, 1f);
            made.AddComponent<BoxCollider2D>().size = renderer.size;
        }

        private static void AddFloor(Rect bounds)
        {
            var renderer = AddSprite("Floor", Tiles, "floor", bounds.center, -10, null).GetComponent<SpriteRenderer>();
            renderer.drawMode = SpriteDrawMode.Tiled;
            renderer.size = bounds.size;
        }

        private static ProjectilePool AddPool()
        {
            var pool = new GameObject("Projectiles").AddComponent<ProjectilePool>();
            GameObject shot = AddSprite("Projectile", Tiles, "bolt", Vector2.zero, 6, pool.transform);
            shot.AddComponent<Rigidbody2D>().gravityScale = 0f;
            var shape = shot.AddComponent<CircleCollider2D>();
            shape.radius = 0.18f;
            shape.isTrigger = true;
            var projectile = shot.AddComponent<Projectile>();
            shot.SetActive(false);
            return pool.Set("template", projectile);
        }

        private static PlayerMovement AddPlayer(Vector2 position, ProjectilePool pool)
        {
            GameObject made = AddSprite("Player", Characters, "hero-down-0", position, 5, null);
            AddBody(made);
            made.AddComponent<Health>()
                .Set("team", property => property.enumValueIndex = (int)Team.Player)
                .Set("maxPoints", property => property.intValue = 6)
                .Set("safeSeconds", property => property.floatValue = 0.8f);
            made.AddComponent<HitFlash>();
            var animator = made.AddComponent<SpriteAnimator>();
            PlayerMovement movement = made.AddComponent<PlayerMovement>()
                .Set("animator", animator)
                .Set("downFrames", SpriteSheets.FindAll(Characters, "hero-down-0", "hero-down-1"))
                .Set("upFrames", SpriteSheets.FindAll(Characters, "hero-up-0", "hero-up-1"))
                .Set("sideFrames", SpriteSheets.FindAll(Characters, "hero-side-0", "hero-side-1"));
            made.AddComponent<PlayerAttack>().Set("pool", pool);
            return movement;
        }

        private static EnemySpawner AddSpawner(Health prey, List<Transform> points)
        {
            var spawner = new GameObject("Enemies").AddComponent<EnemySpawner>();
            GameObject slime = AddSprite("Slime", Characters, "slime-0", Vector2.zero, 4, spawner.transform);
            AddBody(slime);
            slime.AddComponent<Health>();
            slime.AddComponent<HitFlash>();
            slime.AddComponent<SpriteAnimator>()
                .Set("frames", SpriteSheets.FindAll(Characters, "slime-0", "slime-1"))
                .Set("framesPerSecond", property => property.floatValue = 4f);
            var enemy = slime.AddComponent<EnemyAI>();
            slime.SetActive(false);
            return spawner.Set("template", enemy).Set("prey", prey).Set("points", points.ToArray());
        }

        private static void AddBody(GameObject made)
        {
            var body = made.AddComponent<Rigidbody2D>();
            body.gravityScale = 0f;
            body.freezeRotation = true;
            made.AddComponent<CircleCollider2D>().radius = 0.35f;
        }

        private static void AddCamera(PlayerMovement target, Rect bounds)
        {
            var made = new GameObject("Main Camera", typeof(Camera), typeof(AudioListener)) { tag = "MainCamera" };
            var view = made.GetComponent<Camera>();
            view.orthographic = true;
            view.orthographicSize = 6f;
            view.clearFlags = CameraClearFlags.SolidColor;
            view.backgroundColor = new Color(0.09f, 0.08f, 0.13f);
            made.transform.position = new Vector3(target.transform.position.x, target.transform.position.y, -10f);
            made.AddComponent<CameraFollow>().Set("target", target).Set("bounds", property => property.rectValue = bounds);
        }
    }
}
