using System.IO;
using UnityEditor;
using UnityEditor.SceneManagement;
using UnityEngine;

namespace Spark.Platformer2D.Editor
{
    /// <summary>
    /// Makes the playable scene out of the map in Levels/Level01.txt (one letter a tile) and saves it. Change the map, run it
    /// again. In batch mode: -executeMethod Spark.Platformer2D.Editor.PlatformerSceneBuilder.Build
    /// </summary>
    public static class PlatformerSceneBuilder
    {
        private const string Folder = "Assets/Spark/Platformer2D/";
        private const string Tiles = Folder + "Textures/Tiles.png";
        private const string Characters = Folder + "Textures/Characters.png";
        private const string Background = Folder + "Textures/Background.png";
        private const string LevelPath = Folder + "Levels/Level01.txt";
        private const string MaterialPath = Folder + "Physics/NoFriction.physicsMaterial2D";

        [MenuItem("Spark/Platformer 2D/Rebuild Scene")]
        public static void Build()
        {
            var scene = EditorSceneManager.NewScene(NewSceneSetup.EmptyScene, NewSceneMode.Single);
            string[] rows = AssetDatabase.LoadAssetAtPath<TextAsset>(LevelPath).text.TrimEnd().Split('\n');
            int height = rows.Length;
            int width = 0;
            PlayerController2D player = null;
            var level = new GameObject("Level").transform;
            for (int row = 0; row < height; row++)
            {
                string line = rows[row].TrimEnd('\r');
                width = Mathf.Max(width, line.Length);
                for (int column = 0; column < line.Length; column++)
                {
                    char tile = line[column];
                    int length = RunLength(line, column);
                    var position = new Vector2(column + length * 0.5f, height - row - 0.5f);
                    if (tile == 'P') player = AddPlayer(position);
                    else Place(tile, position, length, level);
                    column += length - 1;
                }
            }

            var bounds = new Rect(0f, 0f, width, height);
            AddBackground(bounds);
            CameraFollow2D follow = AddCamera(player.transform, bounds);
            new GameObject("Game").AddComponent<GameManager>().Set("player", player).Set("cameraFollow", follow);
            new GameObject("Hud").AddComponent<Hud>();
            Directory.CreateDirectory(Path.GetDirectoryName(BuildConfiguration.ScenePath));
            EditorSceneManager.SaveScene(scene, BuildConfiguration.ScenePath);
            BuildConfiguration.Apply();
        }

        /// <summary>Neighbouring tiles of one kind become one object: fewer draw calls, and no seams for feet to catch on.</summary>
        private static int RunLength(string line, int column)
        {
            char tile = line[column];
            if ("G#=M^".IndexOf(tile) < 0) return 1;
            int end = column;
            while (end < line.Length && line[end] == tile) end++;
            return end - column;
        }

        private static void Place(char tile, Vector2 position, int length, Transform parent)
        {
            switch (tile)
            {
                case 'G':
                    AddTiles("Grass", "grass", position, length, parent);
                    break;
                case '#':
                    AddTiles("Ground", "dirt", position, length, parent);
                    break;
                case '=':
                    GameObject plank = AddTiles("One Way Platform", "plank", position, length, parent);
                    // Only the board itself carries: the upper six of the tile's sixteen dots.
                    var board = plank.GetComponent<BoxCollider2D>();
                    board.size = new Vector2(length, 0.375f);
                    board.offset = new Vector2(0f, 0.3125f);
                    plank.AddComponent<OneWayPlatform>();
                    break;
                case 'M':
                    AddTiles("Moving Platform", "metal", position, length, parent).AddComponent<MovingPlatform>();
                    break;
                case '^':
                    GameObject spikes = AddTiles("Spikes", "spikes", position, length, parent);
                    var box = spikes.GetComponent<BoxCollider2D>();
                    box.size = new Vector2(length - 0.3f, 0.5f);
                    box.offset = new Vector2(0f, -0.25f);
                    box.isTrigger = true;
                    spikes.AddComponent<Hazard>();
                    break;
                case 'o':
                    GameObject coin = AddSprite("Coin", Tiles, "coin-0", position, 2, parent);
                    Trigger(coin.AddComponent<CircleCollider2D>()).radius = 0.4f;
                    coin.AddComponent<Collectible>();
                    coin.AddComponent<SpriteAnimator>().Set("frames", SpriteSheets.FindAll(Tiles, "coin-0", "coin-1"));
                    break;
                case 'C':
                    GameObject flag = AddSprite("Checkpoint", Tiles, "flag-down", position, 1, parent);
                    Trigger(flag.AddComponent<BoxCollider2D>()).size = Vector2.one;
                    flag.AddComponent<Checkpoint>().Set("raised", SpriteSheets.Find(Tiles, "flag-up"));
                    break;
                case 'X':
                    GameObject goal = AddSprite("Goal", Tiles, "goal", position, 1, parent);
                    Trigger(goal.AddComponent<BoxCollider2D>()).size = new Vector2(0.6f, 1f);
                    goal.AddComponent<Goal>();
                    break;
            }
        }

        private static T Trigger<T>(T shape) where T : Collider2D
        {
            shape.isTrigger = true;
            return shape;
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

        private static GameObject AddTiles(string name, string sprite, Vector2 position, int length, Transform parent)
        {
            GameObject made = AddSprite(name, Tiles, sprite, position, 0, parent);
            var renderer = made.GetComponent<SpriteRenderer>();
            renderer.drawMode = SpriteDrawMode.Tiled;
            renderer.size = new Vector2(length, 1f);
            made.AddComponent<BoxCollider2D>().size = renderer.size;
            return made;
        }

        private static PlayerController2D AddPlayer(Vector2 position)
        {
            GameObject made = AddSprite("Player", Characters, "idle-0", position, 5, null);
            var body = made.AddComponent<Rigidbody2D>();
            body.gravityScale = 3f;
            body.freezeRotation = true;
            body.sharedMaterial = AssetDatabase.LoadAssetAtPath<PhysicsMaterial2D>(MaterialPath);
            var box = made.AddComponent<BoxCollider2D>();
            box.size = new Vector2(0.6f, 0.9f);
            box.offset = new Vector2(0f, -0.05f);
            var animator = made.AddComponent<SpriteAnimator>();
            return made.AddComponent<PlayerController2D>()
                .Set("animator", animator)
                .Set("idleFrames", SpriteSheets.FindAll(Characters, "idle-0", "idle-1"))
                .Set("runFrames", SpriteSheets.FindAll(Characters, "run-0", "run-1"))
                .Set("jumpFrames", SpriteSheets.FindAll(Characters, "jump-0"));
        }

        private static void AddBackground(Rect bounds)
        {
            GameObject made = AddSprite("Background", Background, "hills", bounds.center, -10, null);
            var renderer = made.GetComponent<SpriteRenderer>();
            renderer.drawMode = SpriteDrawMode.Tiled;
            renderer.size = new Vector2(Mathf.Ceil(bounds.width / 32f) * 32f, 16f);
        }

        private static CameraFollow2D AddCamera(Transform target, Rect bounds)
        {
            var made = new GameObject("Main Camera", typeof(Camera), typeof(AudioListener)) { tag = "MainCamera" };
            var view = made.GetComponent<Camera>();
            view.orthographic = true;
            view.orthographicSize = 6f;
            view.clearFlags = CameraClearFlags.SolidColor;
            view.backgroundColor = new Color(0.36f, 0.62f, 0.87f);
            made.transform.position = new Vector3(Mathf.Max(target.position.x, 10.7f), Mathf.Max(target.position.y, 6f), -10f);
            return made.AddComponent<CameraFollow2D>().Set("target", target).Set("bounds", property => property.rectValue = bounds);
        }
    }
}
